//! What a client that binds with its login (XEP-0386 §3.2) finds in its archive, and what still waits for it.

use harness::{
    Account, Client, DAY, Server, StanzaExt, Stream, agent, authenticate, befriend, identifier, ns, scenes,
};
use minidom::Element;

scenes! {
    ["archive.policy=always"]:
        the_archive_is_told_and_nothing_of_it_is_sent,
        an_empty_archive,
        every_message_is_in_the_archive_told_or_arrives,
        what_the_archive_does_not_take_waits,
        an_older_login_is_sent_what_waits,
        another_device_that_holds_it_gets_it,
        a_session_of_the_same_device_leaves_it_to_the_archive,
        a_login_that_fails_takes_nothing,
        an_account_without_an_archive;
    ["archive.policy=always", "archive.retention_days=1"]: what_the_archive_does_not_keep_for_a_day_is_sent;
    []: what_the_archive_will_not_keep_for_a_day_is_sent;
    ["archive.policy=always", "archive.max_entries=100"]: what_may_soon_be_pushed_out_is_sent;
    ["archive.policy=roster"]: what_strangers_sent_is_sent;
    ["archive.policy=never"]: without_an_archive;
    ["archive.policy=until-delivered"]: without_an_archive_either;
}

const MAM: &str = "urn:xmpp:mam:2";
const PHONE: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

/// Logs in by Bind 2 with these wishes; `<bound/>` is returned too.
async fn login(s: &Server, account: &Account, agent: &str, wishes: &str) -> (Client, Element) {
    let bind = format!("{agent}<bind xmlns='{}'>{wishes}</bind>", ns::BIND2);
    let (mut stream, success) = Stream::sasl2_login(s, account, &bind).await;
    stream.features().await;
    let bound = success.must("bound", ns::BIND2).clone();
    let mut client = Client::over(stream, identifier(&success));
    if let Some(enabled) = bound.child("enabled", ns::SM) {
        client.managed(enabled);
    }
    (client, bound)
}

fn managed() -> String {
    format!("<enable xmlns='{}' resume='true'/>", ns::SM)
}

fn carbons() -> String {
    format!("<enable xmlns='{}'/>", ns::CARBONS)
}

/// The ids of the metadata's ends, `None` where it has none.
fn ends(bound: &Element) -> Option<(String, String)> {
    let metadata = bound.must("metadata", MAM);
    let end = |name| {
        let end = metadata.child(name, MAM)?;
        let stamp = end.attr("timestamp").expect("a timestamp");
        assert!(stamp.ends_with('Z') && stamp.contains('T'), "XEP-0082, in UTC: {stamp}");
        end.id().map(str::to_owned)
    };
    assert_eq!(metadata.children().count() % 2, 0, "{}", metadata.show());
    end("start").zip(end("end"))
}

/// The archive from after `after`: ids and bodies.
async fn archive(client: &mut Client) -> Vec<(String, String)> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>{after}</set>");
        let id = client.ask("set", None, &format!("<query xmlns='{MAM}'>{set}</query>")).await;
        let fin = loop {
            let stanza = client.find(|it| it.child("result", MAM).is_some() || it.id() == Some(&id)).await;
            let Some(result) = stanza.child("result", MAM) else { break stanza };
            let message = result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
            found.push((result.id().expect("an id").to_owned(), message.body().unwrap_or_default()));
        };
        if fin.must("fin", MAM).attr("complete") == Some("true") {
            return found;
        }
        after = format!("<after>{}</after>", found.last().expect("a result").0);
    }
}

async fn offline(s: &Server, account: &Account, bodies: &[&str]) -> Client {
    let mut romeo = s.user().await;
    for body in bodies {
        romeo.say(&account.jid, body).await;
    }
    flushed(&mut romeo).await;
    romeo
}

/// What it sent is stored: asked for its archive, the server stores what came before.
async fn flushed(client: &mut Client) {
    let none = "<set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>";
    client.request("set", None, &format!("<query xmlns='{MAM}'>{none}</query>")).await;
}

/// What is sent to it when it becomes available.
async fn sent(client: &mut Client) -> Vec<String> {
    client.available(0).await;
    client.bodies().await
}

async fn the_archive_is_told_and_nothing_of_it_is_sent(s: &Server) {
    let juliet = s.account();
    let mut romeo = offline(s, &juliet, &["1", "2", "3"]).await;
    let (mut phone, bound) = login(s, &juliet, &agent(PHONE), &managed()).await;
    let (start, end) = ends(&bound).expect("an archive");
    assert!(sent(&mut phone).await.is_empty());
    let found = archive(&mut phone).await;
    assert_eq!(found.iter().map(|(_, body)| &**body).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!((&found[0].0, &found[2].0), (&start, &end));
    romeo.say(&juliet.jid, "4").await;
    let live = phone.find(|it| it.body().as_deref() == Some("4")).await;
    assert!(live.child("delay", ns::DELAY).is_none(), "{}", live.show());
    let id = live.must("stanza-id", ns::STANZA_ID).id().expect("an id").to_owned();
    phone.acknowledge().await;
    phone.close().await;
    // The one who comes next finds it at the end.
    let (mut tablet, bound) = login(s, &juliet, "", "").await;
    assert_eq!(ends(&bound), Some((start, id)));
    assert!(sent(&mut tablet).await.is_empty());
}

/// XEP-0313 §5: "an empty `<metadata/>` element".
async fn an_empty_archive(s: &Server) {
    let (mut phone, bound) = login(s, &s.account(), "", "").await;
    assert_eq!(ends(&bound), None);
    assert!(sent(&mut phone).await.is_empty());
}

/// While messages come without end: none twice, none not at all.
async fn every_message_is_in_the_archive_told_or_arrives(s: &Server) {
    const ALL: usize = 400;
    let juliet = s.account();
    let mut desk = s.online_at(&juliet, "desk", 0).await;
    let mut romeo = s.user().await;
    let sending = async {
        for n in 0..ALL {
            romeo.say(&juliet.jid, &n.to_string()).await;
            if n % 20 == 0 {
                romeo.sync().await;
            }
        }
        flushed(&mut romeo).await;
    };
    let agent = agent(PHONE);
    let wishes = carbons() + &managed();
    let (_, (mut phone, bound)) = tokio::join!(sending, login(s, &juliet, &agent, &wishes));
    let mut live = Vec::new();
    for stanza in phone.drain().await {
        let received = stanza.must("received", ns::CARBONS);
        let message = received.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
        live.push(message.must("stanza-id", ns::STANZA_ID).id().expect("an id").to_owned());
    }
    let found: Vec<String> = archive(&mut phone).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(found.len(), ALL);
    let told = match ends(&bound) {
        Some((_, end)) => found.iter().position(|id| *id == end).expect("an id of the archive") + 1,
        None => 0,
    };
    assert_eq!(live, found[told..], "{told} of {ALL} were told");
    assert!(sent(&mut phone).await.is_empty(), "what it has");
    assert_eq!(desk.bodies().await.len(), ALL);
}

async fn what_the_archive_does_not_take_waits(s: &Server) {
    let juliet = s.account();
    let mut romeo = offline(s, &juliet, &["1"]).await;
    let passing = "<body>2</body><no-permanent-store xmlns='urn:xmpp:hints'/>";
    romeo.send(format!("<message to='{}' type='chat'>{passing}</message>", juliet.jid)).await;
    romeo.say(&juliet.jid, "3").await;
    flushed(&mut romeo).await;
    let (mut phone, bound) = login(s, &juliet, "", "").await;
    assert!(ends(&bound).is_some());
    assert_eq!(sent(&mut phone).await, ["2"]);
}

async fn an_older_login_is_sent_what_waits(s: &Server) {
    let juliet = s.account();
    let _romeo = offline(s, &juliet, &["1", "2"]).await;
    let mut old = s.login(&juliet, "old").await;
    assert_eq!(sent(&mut old).await, ["1", "2"]);
}

async fn another_device_that_holds_it_gets_it(s: &Server) {
    let juliet = s.account();
    let mut desk = s.login(&juliet, "desk").await;
    desk.enable().await;
    desk.stop_acknowledging();
    desk.available(0).await;
    let _romeo = offline(s, &juliet, &["1"]).await;
    let lost = desk.drop_connection();
    let (mut phone, bound) = login(s, &juliet, &agent(PHONE), &managed()).await;
    assert!(ends(&bound).is_some());
    assert!(sent(&mut phone).await.is_empty());
    let (mut desk, _) =
        lost.resume(s, &juliet).await.unwrap_or_else(|(_, failed)| panic!("{}", failed.show()));
    assert_eq!(desk.find(|it| it.name() == "message").await.body().as_deref(), Some("1"));
    assert_eq!(archive(&mut phone).await.len(), 1);
}

async fn a_session_of_the_same_device_leaves_it_to_the_archive(s: &Server) {
    let juliet = s.account();
    let (mut phone, _) = login(s, &juliet, &agent(PHONE), &managed()).await;
    phone.stop_acknowledging();
    phone.available(0).await;
    let lost = phone.drop_connection();
    let _romeo = offline(s, &juliet, &["1", "2"]).await;
    let (mut phone, bound) = login(s, &juliet, &agent(PHONE), &managed()).await;
    let (_, end) = ends(&bound).expect("an archive");
    assert!(sent(&mut phone).await.is_empty());
    let found = archive(&mut phone).await;
    assert_eq!((found.len(), &found[1].0), (2, &end));
    drop(lost);
}

async fn a_login_that_fails_takes_nothing(s: &Server) {
    let juliet = s.account();
    let _romeo = offline(s, &juliet, &["1"]).await;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let wrong = format!("\0{}\0{}", juliet.user, "wrong");
    let bind = format!("<bind xmlns='{}'/>", ns::BIND2);
    stream.sasl2_refused(authenticate("PLAIN", wrong, &bind)).await;
    let mut old = s.login(&juliet, "old").await;
    assert_eq!(sent(&mut old).await, ["1"]);
}

async fn an_account_without_an_archive(s: &Server) {
    let juliet = s.account();
    let set = s.cli(&["user", "set", &juliet.jid, "archive=until-delivered"], "");
    assert!(set.status.success());
    nothing_is_told_and_all_is_sent(s, &juliet).await;
}

async fn nothing_is_told_and_all_is_sent(s: &Server, juliet: &Account) {
    let mut romeo = s.user().await;
    for body in ["1", "2"] {
        romeo.say(&juliet.jid, body).await;
    }
    romeo.sync().await;
    let (mut phone, bound) = login(s, juliet, &agent(PHONE), &(carbons() + &managed())).await;
    assert!(bound.child("metadata", MAM).is_none(), "{}", bound.show());
    assert_eq!(sent(&mut phone).await, ["1", "2"]);
}

async fn what_the_archive_does_not_keep_for_a_day_is_sent(s: &Server) {
    let juliet = s.account();
    let _romeo = offline(s, &juliet, &["1", "2"]).await;
    let (mut phone, bound) = login(s, &juliet, "", "").await;
    assert!(ends(&bound).is_some());
    assert_eq!(sent(&mut phone).await, ["1", "2"]);
}

/// Of what is kept for two days, what is older than one.
async fn what_the_archive_will_not_keep_for_a_day_is_sent(s: &Server) {
    let s = &s.fresh_in_time(&["archive.policy=always", "archive.retention_days=2"]);
    let juliet = s.account();
    let mut romeo = offline(s, &juliet, &["1", "2"]).await;
    s.later(DAY + DAY / 24);
    romeo.say(&juliet.jid, "3").await;
    flushed(&mut romeo).await;
    let (mut phone, bound) = login(s, &juliet, &agent(PHONE), &managed()).await;
    let (start, end) = ends(&bound).expect("an archive");
    phone.available(0).await;
    let late = phone.drain().await;
    let late: Vec<&Element> = late.iter().filter(|it| it.name() == "message").collect();
    assert_eq!(late.iter().filter_map(|it| it.body()).collect::<Vec<_>>(), ["1", "2"]);
    let found = archive(&mut phone).await;
    assert_eq!(found.iter().map(|(_, body)| &**body).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!((&found[0].0, &found[2].0), (&start, &end));
    // They are in the archive still, and come with its ids.
    for (message, (id, _)) in late.iter().zip(&found) {
        assert_eq!(message.must("stanza-id", ns::STANZA_ID).id(), Some(&**id));
        message.must("delay", ns::DELAY);
    }
    // Nothing waits any more, and each device finds all of it.
    phone.acknowledge().await;
    phone.close().await;
    let (mut tablet, _) = login(s, &juliet, "", "").await;
    assert!(sent(&mut tablet).await.is_empty());
    assert_eq!(archive(&mut tablet).await, found);
}

/// Of 100, the newest half is safe.
async fn what_may_soon_be_pushed_out_is_sent(s: &Server) {
    let juliet = s.account();
    let bodies: Vec<String> = (1..=60).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(|body| &**body).collect();
    let _romeo = offline(s, &juliet, &bodies).await;
    let (mut phone, _) = login(s, &juliet, "", "").await;
    assert_eq!(sent(&mut phone).await, bodies[..10]);
}

async fn what_strangers_sent_is_sent(s: &Server) {
    let account = s.account();
    let (mut romeo, mut juliet) = (s.user().await, s.online(&account, "one").await);
    befriend(&mut romeo, &mut juliet).await;
    juliet.close().await;
    romeo.say(&account.jid, "friend").await;
    flushed(&mut romeo).await;
    let _stranger = offline(s, &account, &["stranger"]).await;
    let (mut phone, bound) = login(s, &account, "", "").await;
    let (start, end) = ends(&bound).expect("an archive");
    assert_eq!(start, end);
    assert_eq!(sent(&mut phone).await, ["stranger"]);
    let found = archive(&mut phone).await;
    assert_eq!(found, [(end, "friend".to_owned())]);
}

async fn without_an_archive(s: &Server) {
    nothing_is_told_and_all_is_sent(s, &s.account()).await;
}

async fn without_an_archive_either(s: &Server) {
    without_an_archive(s).await;
}
