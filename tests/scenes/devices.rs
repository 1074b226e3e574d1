//! A conversation over several devices, some of them away: ticks, the archive, what is unread.

use std::collections::BTreeSet;

use harness::{Account, Client, DAY, Server, StanzaExt, Stream, agent, identifier, ns, scenes};
use minidom::Element;

scenes! {
    ["archive.policy=always"]:
        three_ticks_while_the_recipient_is_away,
        three_ticks_while_the_sender_is_away,
        three_ticks_while_the_sender_sleeps,
        three_devices_end_with_the_same;
    ["archive.policy=until-delivered"]:
        three_ticks_without_an_archive;
}

const MAM: &str = "urn:xmpp:mam:2";
const RECEIPT: &str = "urn:xmpp:receipts";
const MARKER: &str = "urn:xmpp:chat-markers:0";
const TABLET: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

/// A message that asks for both answers.
fn asking(to: &str, id: &str) -> String {
    format!(
        "<message to='{to}' type='chat' id='{id}'><body>{id}</body><request xmlns='{RECEIPT}'/>\
         <markable xmlns='{MARKER}'/></message>"
    )
}

fn receipt(to: &str, id: &str) -> String {
    format!("<message to='{to}' type='chat' id='r-{id}'><received xmlns='{RECEIPT}' id='{id}'/></message>")
}

fn marker(to: &str, id: &str) -> String {
    format!("<message to='{to}' type='chat' id='d-{id}'><displayed xmlns='{MARKER}' id='{id}'/></message>")
}

/// A session with stream management.
async fn managed(s: &Server, account: &Account, resource: &str) -> Client {
    let mut client = s.login(account, resource).await;
    client.enable().await;
    client.available(0).await;
    client
}

/// The next message: a tick, with the id that it is about.
async fn tick(client: &mut Client) -> (&'static str, String) {
    let message = client.find(|it| it.name() == "message").await;
    tick_of(&message).unwrap_or_else(|| panic!("neither delivered nor read: {}", message.show()))
}

fn tick_of(message: &Element) -> Option<(&'static str, String)> {
    let about = |it: &Element| it.id().expect("an id").to_owned();
    let delivered = message.child("received", RECEIPT).map(|it| ("delivered", about(it)));
    delivered.or_else(|| message.child("displayed", MARKER).map(|it| ("read", about(it))))
}

fn ticks_of(id: &str) -> [(&'static str, String); 2] {
    [("delivered", id.to_owned()), ("read", id.to_owned())]
}

/// She gets it and answers to the device that wrote.
async fn read_and_tell(juliet: &mut Client, id: &str) {
    let message = juliet.find(|it| it.id() == Some(id)).await;
    let from = message.from().expect("a sender").to_owned();
    juliet.send(receipt(&from, id)).await;
    juliet.send(marker(&from, id)).await;
    juliet.acknowledged().await;
}

async fn three_ticks_while_the_recipient_is_away(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut sender = managed(s, &romeo, "orchard").await;
    sender.send(asking(&juliet.jid, "m1")).await;
    // Sent: it is safe, though nobody has got it.
    sender.acknowledged().await;
    sender.nothing().await;
    let mut late = managed(s, &juliet, "balcony").await;
    read_and_tell(&mut late, "m1").await;
    assert_eq!([tick(&mut sender).await, tick(&mut sender).await], ticks_of("m1"));
    sender.nothing().await;
}

async fn three_ticks_while_the_sender_is_away(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut sender = managed(s, &romeo, "orchard").await;
    sender.send(asking(&juliet.jid, "m1")).await;
    sender.acknowledged().await;
    sender.close().await;
    // His phone went away for good: what is for its full JID waits for the account.
    let mut late = managed(s, &juliet, "balcony").await;
    read_and_tell(&mut late, "m1").await;
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    late.send(format!("<message to='{}' type='chat'>{typing}</message>", romeo.jid)).await;
    late.nothing().await;
    let mut anew = managed(s, &romeo, "another").await;
    assert_eq!([tick(&mut anew).await, tick(&mut anew).await], ticks_of("m1"));
    anew.nothing().await;
}

async fn three_ticks_while_the_sender_sleeps(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut sender = managed(s, &romeo, "orchard").await;
    let mut desk = s.online(&romeo, "desk").await;
    desk.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    sender.send(asking(&juliet.jid, "m1")).await;
    sender.acknowledged().await;
    sender.drain().await;
    let asleep = sender.drop_connection();
    let mut late = managed(s, &juliet, "balcony").await;
    read_and_tell(&mut late, "m1").await;
    let resumed = asleep.resume(s, &romeo).await;
    let (mut sender, _) = resumed.unwrap_or_else(|(_, failed)| panic!("{}", failed.show()));
    assert_eq!([tick(&mut sender).await, tick(&mut sender).await], ticks_of("m1"));
    sender.nothing().await;
    // The other device sees what was written and both ticks, once.
    let copies: Vec<Element> = desk.drain().await;
    let original = |it: &Element, direction| {
        let copy = it.child(direction, ns::CARBONS)?;
        Some(copy.must("forwarded", ns::FORWARD).must("message", ns::CLIENT).clone())
    };
    assert_eq!(copies.iter().filter(|it| original(it, "sent").is_some()).count(), 1);
    let ticks: Vec<_> = copies.iter().filter_map(|it| tick_of(&original(it, "received")?)).collect();
    assert_eq!(ticks, ticks_of("m1"));
}

async fn three_ticks_without_an_archive(s: &Server) {
    three_ticks_while_the_recipient_is_away(s).await;
    three_ticks_while_the_sender_is_away(s).await;
    three_ticks_while_the_sender_sleeps(s).await;
}

/// What a device knows of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
struct View {
    /// Stanza ids, in their order.
    ids: Vec<String>,
    /// Of the other side's messages, those that nobody on this side has said to have read.
    unread: BTreeSet<String>,
}

impl View {
    /// Takes in a message with its id by the archive.
    fn add(&mut self, own: &str, id: String, message: &Element) {
        self.ids.push(id);
        let mine = message.from().is_some_and(|from| from.starts_with(own));
        if let Some(marker) = message.child("displayed", MARKER).filter(|_| mine) {
            self.read_up_to(marker.id().expect("an id"));
        } else if !mine && message.body().is_some() {
            self.unread.insert(message.id().expect("an id").to_owned());
        }
    }

    /// A marker is for all before it too (XEP-0333 §4); the ids here grow.
    fn read_up_to(&mut self, id: &str) {
        self.unread.retain(|unread| unread.as_str() > id);
    }

    /// What came live, copies of the own other devices' messages included.
    fn live(&mut self, own: &str, stanzas: &[Element]) {
        for stanza in stanzas.iter().filter(|it| it.name() == "message") {
            let carbon = ["received", "sent"].iter().find_map(|it| stanza.child(it, ns::CARBONS));
            let copy = carbon.map(|it| it.must("forwarded", ns::FORWARD).must("message", ns::CLIENT));
            let message = copy.unwrap_or(stanza);
            let Some(id) = message.child("stanza-id", ns::STANZA_ID).and_then(StanzaExt::id) else {
                continue;
            };
            self.add(own, id.to_owned(), message);
        }
    }

    /// How many messages it has in common with another, in the same order.
    fn shares(&self, other: &View) -> usize {
        let mut rest = other.ids.iter();
        assert!(self.ids.iter().all(|id| rest.any(|it| it == id)), "{self:?} in {other:?}");
        self.ids.len()
    }

    /// The archive, in pages of three.
    async fn archived(client: &mut Client) -> View {
        let own = client.bare().to_owned();
        let (mut view, mut after) = (View::default(), String::new());
        loop {
            let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>3</max>{after}</set>");
            let id = client.ask("set", None, &format!("<query xmlns='{MAM}'>{set}</query>")).await;
            let fin = loop {
                let stanza =
                    client.find(|it| it.child("result", MAM).is_some() || it.id() == Some(&id)).await;
                let Some(result) = stanza.child("result", MAM) else { break stanza };
                let message = result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
                view.add(&own, result.id().expect("an id").to_owned(), message);
            };
            if fin.must("fin", MAM).attr("complete") == Some("true") {
                return view;
            }
            after = format!("<after>{}</after>", view.ids.last().expect("a result"));
        }
    }
}

/// Two online, one away for a day.
async fn three_devices_end_with_the_same(s: &Server) {
    let s = &s.fresh_in_time(&["archive.policy=always"]);
    let (romeo, juliet) = (s.account(), s.account());
    let mut romeo = managed(s, &romeo, "orchard").await;
    let mut phone = managed(s, &juliet, "phone").await;
    let mut desk = managed(s, &juliet, "desk").await;
    for client in [&mut phone, &mut desk] {
        client.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    }
    // The tablet was there once.
    let (mut tablet, _) = bind(s, &juliet).await;
    tablet.available(0).await;
    tablet.close().await;

    let him = romeo.jid().to_owned();
    let (mut on_phone, mut on_desk) = (View::default(), View::default());
    for n in 1..=4 {
        romeo.send(asking(&juliet.jid, &format!("m{n}"))).await;
    }
    romeo.acknowledged().await;
    on_phone.live(&juliet.jid, &phone.drain().await);
    phone.send(receipt(&him, "m4")).await;
    phone.send(marker(&him, "m3")).await;
    phone.acknowledged().await;
    desk.send(format!("<message to='{him}' type='chat' id='a1'><body>I am here</body></message>")).await;
    desk.acknowledged().await;
    s.later(DAY);
    romeo.send(asking(&juliet.jid, "m5")).await;
    romeo.send(asking(phone.jid(), "m6")).await;
    romeo.acknowledged().await;

    let (mut tablet, bound) = bind(s, &juliet).await;
    tablet.available(0).await;
    assert!(messages(&mut tablet).await.is_empty(), "it is all in the archive");
    let view = View::archived(&mut tablet).await;
    // Six of his; of hers a receipt, a marker and an answer.
    assert_eq!(view.ids.len(), 9);
    assert_eq!(view.unread, ["m4", "m5", "m6"].map(str::to_owned).into());
    let metadata = bound.must("metadata", MAM);
    let ends = ["start", "end"].map(|end| metadata.must(end, MAM).id().expect("an id").to_owned());
    assert_eq!([&ends[0], &ends[1]], [&view.ids[0], &view.ids[8]]);
    let date =
        |end| metadata.must(end, MAM).attr("timestamp").expect("a time").split('T').next().map(str::to_owned);
    assert_ne!(date("start"), date("end"), "a day lies between");
    on_phone.live(&juliet.jid, &phone.drain().await);
    on_desk.live(&juliet.jid, &desk.drain().await);
    assert_eq!((on_phone.shares(&view), on_desk.shares(&view)), (7, 8), "all but what it wrote itself");
    assert_eq!(on_desk.unread, view.unread);
    for client in [&mut phone, &mut desk] {
        assert_eq!(View::archived(client).await, view);
    }

    // And from there on all three see the same.
    tablet.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    romeo.send(asking(&juliet.jid, "m7")).await;
    romeo.acknowledged().await;
    phone.send(marker(&him, "m7")).await;
    phone.acknowledged().await;
    let view = View::archived(&mut desk).await;
    assert_eq!((view.ids.len(), view.unread.len()), (11, 0));
    // What one wrote itself it is not sent.
    for (client, live) in [(&mut phone, 1), (&mut tablet, 2)] {
        assert_eq!(messages(client).await.len(), live);
        assert_eq!(View::archived(client).await, view);
    }
}

async fn messages(client: &mut Client) -> Vec<Element> {
    client.drain().await.into_iter().filter(|it| it.name() == "message").collect()
}

/// Logs in by Bind 2; `<bound/>` is returned too.
async fn bind(s: &Server, account: &Account) -> (Client, Element) {
    let wishes = format!("{}<bind xmlns='{}'/>", agent(TABLET), ns::BIND2);
    let (mut stream, success) = Stream::sasl2_login(s, account, &wishes).await;
    stream.features().await;
    (Client::over(stream, identifier(&success)), success.must("bound", ns::BIND2).clone())
}
