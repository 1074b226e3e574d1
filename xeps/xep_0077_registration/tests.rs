use waxwing_sasl::{Hash, Keys};

use crate::tests::{Came, Client, Server, StanzaExt, element};

async fn set(client: &Client, fields: &str) -> Came {
    client.ask("set", "c", &format!("<query xmlns='jabber:iq:register'>{fields}</query>")).await
}

#[tokio::test]
async fn what_is_on_file() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let answer = romeo.ask("get", "c", "<query xmlns='jabber:iq:register'/>").await;
    let fields = "<registered/><username>romeo</username><password/>";
    let form = element(&format!("<query xmlns='jabber:iq:register'>{fields}</query>"));
    assert_eq!(*answer.payload("query", "jabber:iq:register"), form);
}

#[tokio::test]
async fn a_new_password_ends_sessions_that_wait_to_be_resumed() {
    let server = Server::new().await;
    let (romeo, phone) = (server.login("romeo", "r").await, server.login("romeo", "phone").await);
    romeo.read();
    phone.0.account.hibernate(&phone.0);
    set(&romeo, "<username>Romeo</username><password>new</password>").await.done();
    let row = server.core.store.account("romeo@c").await.unwrap().unwrap();
    assert!(Keys::from_bytes(&row.keys).unwrap().has(Hash::Sha256));
    assert!(phone.0.has_ended() && !romeo.0.has_ended());
}

#[tokio::test]
async fn refusals() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    for (fields, error) in [
        ("", "bad-request"),
        ("<username>romeo</username>", "bad-request"),
        ("<password>x</password>", "bad-request"),
        ("<username>juliet</username><password>x</password>", "bad-request"),
        ("<username>romeo</username><password/>", "not-acceptable"),
        ("<username>romeo</username><password>&#9;</password>", "not-acceptable"),
        ("<remove/><username>romeo</username>", "bad-request"),
    ] {
        assert_eq!(set(&romeo, fields).await.condition(), error, "{fields}");
    }
    let row = server.core.store.account("romeo@c").await.unwrap().unwrap();
    assert!(row.keys.is_empty());
}

#[tokio::test]
async fn removal() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let (romeo, juliet) = (server.login("romeo", "r").await, server.login("juliet", "j").await);
    juliet.ask("get", "", "<query xmlns='jabber:iq:roster'/>").await;
    set(&romeo, "<remove/>").await;
    assert!(server.core.store.account("romeo@c").await.unwrap().is_none());
    assert_eq!(romeo.0.closing().unwrap().condition, "not-authorized");
    let told = juliet.read();
    let presence = told.iter().filter(|it| it.name() == "presence" && it.from() == Some("romeo@c"));
    let kinds: Vec<&str> = presence.filter_map(StanzaExt::kind).collect();
    assert_eq!(kinds, ["unsubscribe", "unsubscribed"], "{told:?}");
}
