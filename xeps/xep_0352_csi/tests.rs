use minidom::Element;
use waxwing_stanza::ns::{CHAT_STATES, CLIENT};

use crate::tests::{Client, Server, StanzaExt, element};

const AVAILABLE: &str = "<presence to='juliet@c/a'/>";
const COMPOSING: &str = "<message to='juliet@c/a' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
const PAUSED: &str =
    "<message to='juliet@c/a' type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/></message>";

fn names(came: &[Element]) -> Vec<&str> {
    came.iter().map(Element::name).collect()
}

async fn pair() -> (Server, Client, Client) {
    let server = Server::new().await;
    let (romeo, juliet) = (server.login("romeo", "a").await, server.login("juliet", "a").await);
    juliet.0.set_unwatched(true);
    (server, romeo, juliet)
}

#[tokio::test]
async fn the_newest_of_each_rests_until_the_client_is_active() {
    let (_server, romeo, juliet) = pair().await;
    for _ in 0..100 {
        for stanza in [AVAILABLE, COMPOSING, PAUSED] {
            romeo.send(stanza).await;
        }
    }
    assert_eq!(juliet.read(), []);
    juliet.0.set_unwatched(false);
    let got = juliet.read();
    assert_eq!(names(&got), ["presence", "message"]);
    assert_eq!(got[1].children().map(Element::name).collect::<Vec<_>>(), ["paused"]);
    got[1].must("paused", CHAT_STATES);
    romeo.send(COMPOSING).await;
    juliet.read().only().must("composing", CHAT_STATES);
}

#[tokio::test]
async fn a_message_takes_along_what_rested_before_it_and_not_after() {
    let (_server, romeo, juliet) = pair().await;
    romeo.send(AVAILABLE).await;
    romeo.send("<message to='juliet@c/a' type='chat'><body>b</body></message>").await;
    romeo.send(COMPOSING).await;
    let got = juliet.read();
    assert_eq!((names(&got), got.bodies()), (vec!["presence", "message"], vec!["b".to_owned()]));
    assert!(got.all("composing", CHAT_STATES).is_empty());
    assert_eq!(juliet.read(), []);
}

/// Each of these is the last word of its sender.
#[tokio::test]
async fn what_rests_is_bounded() {
    let (server, _romeo, juliet) = pair().await;
    let limit = server.core.settings.outbox_bytes;
    let status = "x".repeat(limit / 20);
    let mut got = Vec::new();
    for n in 0..40 {
        let other = server.connect("romeo", &format!("r{n}")).await;
        other.send(&format!("<presence to='juliet@c/a'><status>{status}</status></presence>")).await;
        assert!(juliet.0.outbox(|outbox| outbox.weight()) < limit);
        got.extend_from_slice(&juliet.read());
        waxwing_im::end(&other.0).await;
    }
    juliet.0.set_unwatched(false);
    got.extend_from_slice(&juliet.read());
    assert!(juliet.0.closing().is_none());
    let gone = |it: &&Element| it.name() == "presence" && it.kind() == Some("unavailable");
    assert_eq!(got.iter().filter(gone).count(), 40);
}

#[tokio::test]
async fn copies_of_chat_states_rest_by_chat() {
    let (server, romeo, juliet) = pair().await;
    let mercutio = server.login("mercutio", "a").await;
    let phone = server.login("juliet", "phone").await;
    phone.ask("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>").await;
    phone.0.set_unwatched(true);
    for _ in 0..3 {
        romeo.send(COMPOSING).await;
        mercutio.send(PAUSED).await;
    }
    assert_eq!(phone.read(), []);
    phone.0.set_unwatched(false);
    let got = phone.read();
    assert_eq!(names(&got), ["message", "message"]);
    let copied = |it: &Element| {
        let forwarded = it.must("received", "urn:xmpp:carbons:2").must("forwarded", "urn:xmpp:forward:0");
        forwarded.must("message", CLIENT).from().unwrap().to_owned()
    };
    let mut senders: Vec<String> = got.iter().map(copied).collect();
    senders.sort();
    assert_eq!(senders, ["mercutio@c/a", "romeo@c/a"]);
    drop(juliet);
}

#[tokio::test]
async fn requests_and_subscriptions_do_not_rest() {
    let (_server, romeo, juliet) = pair().await;
    for stanza in [
        "<iq to='juliet@c/a' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<presence to='juliet@c' type='subscribe'/>",
        "<presence to='juliet@c/a'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>",
        "<message to='juliet@c/a' type='headline'><body>b</body></message>",
    ] {
        romeo.send(stanza).await;
        let (came, sent) = (juliet.read(), element(stanza));
        assert_eq!((came.only().name(), came.only().kind()), (sent.name(), sent.kind()));
    }
}
