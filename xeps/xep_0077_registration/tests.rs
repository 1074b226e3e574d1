use waxwing_sasl::{Hash, Keys};

use crate::tests::{Client, Server};

async fn set(client: &Client, fields: &str) -> String {
    client.ask("set", "c", &format!("<query xmlns='jabber:iq:register'>{fields}</query>")).await
}

#[tokio::test]
async fn what_is_on_file() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let answer = romeo.ask("get", "c", "<query xmlns='jabber:iq:register'/>").await;
    assert!(answer.contains("<registered/><username>romeo</username><password/>"), "{answer}");
}

#[tokio::test]
async fn a_new_password_ends_sessions_that_wait_to_be_resumed() {
    let server = Server::new().await;
    let (romeo, phone) = (server.login("romeo", "r").await, server.login("romeo", "phone").await);
    romeo.read();
    phone.0.account.hibernate(&phone.0);
    let done = set(&romeo, "<username>Romeo</username><password>new</password>").await;
    assert!(done.contains("type='result'"), "{done}");
    let row = server.core.store.account("romeo@c").await.unwrap().unwrap();
    assert!(Keys::from_bytes(&row.keys).unwrap().has(Hash::Sha256));
    assert!(phone.0.has_ended() && !romeo.0.has_ended());
}

#[tokio::test]
async fn refusals() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    for (fields, error) in [
        ("", "<bad-request "),
        ("<username>romeo</username>", "<bad-request "),
        ("<password>x</password>", "<bad-request "),
        ("<username>juliet</username><password>x</password>", "<bad-request "),
        ("<username>romeo</username><password/>", "<not-acceptable "),
        ("<username>romeo</username><password>&#9;</password>", "<not-acceptable "),
        ("<remove/><username>romeo</username>", "<bad-request "),
    ] {
        let answer = set(&romeo, fields).await;
        assert!(answer.contains(error), "{fields}: {answer}");
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
    assert!(told.contains("type='unsubscribe'") && told.contains("type='unsubscribed'"), "{told}");
}
