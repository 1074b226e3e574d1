use waxwing_store::UnixMillis;

use super::Departure;
use crate::tests::{Server, condition};

const QUERY: &str = "<query xmlns='jabber:iq:last'/>";

#[tokio::test]
async fn only_friends_are_told() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let romeo = server.login("romeo", "r").await;
    let juliet = server.login("juliet", "j").await;
    let tybalt = server.login("tybalt", "t").await;
    assert!(romeo.ask("get", "c", QUERY).await.contains("seconds='0'"));
    romeo.read();
    assert!(
        romeo
            .ask("get", "juliet@c", QUERY)
            .await
            .contains("<query xmlns='jabber:iq:last' seconds='0'></query>")
    );
    assert!(juliet.ask("get", "", QUERY).await.contains("seconds='0'"));
    for to in ["juliet@c", "nobody@c", "juliet@c/j"] {
        assert_eq!(condition(&tybalt.ask("get", to, QUERY).await), "forbidden", "{to}");
    }
    for to in ["juliet@c/x", "nobody@c/j"] {
        assert_eq!(condition(&tybalt.ask("get", to, QUERY).await), "service-unavailable", "{to}");
    }
    juliet.read();
    assert_eq!(romeo.ask("get", "juliet@c/j", QUERY).await, "");
    assert!(juliet.read().contains("jabber:iq:last"));

    juliet.send("<presence type='unavailable'><status>Heading Home &amp; away</status></presence>").await;
    romeo.read();
    let answer = romeo.ask("get", "juliet@c", QUERY).await;
    assert!(answer.contains("seconds='0'>Heading Home &amp; away</query>"), "{answer}");
    server.core.late.flush(&server.core.writer).await;
    let stored = server.core.store.doc(juliet.0.account.id, super::KIND, "").await.unwrap().unwrap();
    assert_eq!(Departure::read(&stored).unwrap().status, "Heading Home & away");
    assert!(romeo.ask("get", "juliet@c", QUERY).await.contains("Heading Home"));
}

#[tokio::test]
async fn never_seen() {
    let server = Server::new().await;
    let romeo = server.connect("romeo", "r").await;
    assert_eq!(condition(&romeo.ask("get", "", QUERY).await), "item-not-found");
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
