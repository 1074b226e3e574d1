use minidom::Element;
use waxwing_store::UnixMillis;

use super::Departure;
use crate::tests::{Came, Server, StanzaExt, element};

const QUERY: &str = "<query xmlns='jabber:iq:last'/>";

fn last(came: &Came) -> &Element {
    came.payload("query", super::LAST)
}

#[tokio::test]
async fn only_friends_are_told() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let romeo = server.login("romeo", "r").await;
    let juliet = server.login("juliet", "j").await;
    let tybalt = server.login("tybalt", "t").await;
    let just_now = element("<query xmlns='jabber:iq:last' seconds='0'/>");
    assert_eq!(*last(&romeo.ask("get", "c", QUERY).await), just_now);
    romeo.read();
    assert_eq!(*last(&romeo.ask("get", "juliet@c", QUERY).await), just_now);
    assert_eq!(*last(&juliet.ask("get", "", QUERY).await), just_now);
    for to in ["juliet@c", "nobody@c", "juliet@c/j"] {
        assert_eq!(tybalt.ask("get", to, QUERY).await.condition(), "forbidden", "{to}");
    }
    for to in ["juliet@c/x", "nobody@c/j"] {
        assert_eq!(tybalt.ask("get", to, QUERY).await.condition(), "service-unavailable", "{to}");
    }
    juliet.read();
    assert_eq!(romeo.ask("get", "juliet@c/j", QUERY).await, []);
    let request = juliet.read();
    assert_eq!((request.only().kind(), request.only().from()), (Some("get"), Some("romeo@c/r")));
    assert_eq!(*request.only().must("query", super::LAST), element(QUERY));

    juliet.send("<presence type='unavailable'><status>Heading Home &amp; away</status></presence>").await;
    romeo.read();
    let answer = romeo.ask("get", "juliet@c", QUERY).await;
    let left = element("<query xmlns='jabber:iq:last' seconds='0'>Heading Home &amp; away</query>");
    assert_eq!(*last(&answer), left);
    server.core.late.flush(&server.core.writer).await;
    let stored = server.core.store.doc(juliet.0.account.id, super::KIND, "").await.unwrap().unwrap();
    assert_eq!(Departure::read(&stored).unwrap().status, "Heading Home & away");
    assert_eq!(last(&romeo.ask("get", "juliet@c", QUERY).await).text(), "Heading Home & away");
}

#[tokio::test]
async fn never_seen() {
    let server = Server::new().await;
    let romeo = server.connect("romeo", "r").await;
    assert_eq!(romeo.ask("get", "", QUERY).await.condition(), "item-not-found");
}

#[test]
fn departures_are_read_as_written() {
    let departure = Departure { at: 1_795_478_399_999, status: "é".to_owned() };
    assert_eq!(Departure::read(&departure.write()), Some(departure));
    let empty = Departure { at: UnixMillis::MIN, status: String::new() };
    assert_eq!(Departure::read(&empty.write()), Some(empty));
    assert_eq!(Departure::read(b"short"), None);
    assert_eq!(Departure::read(b"12345678\xff"), None);
}
