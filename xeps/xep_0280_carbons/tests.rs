use waxwing_stanza::ns::CLIENT;

use crate::tests::{Client, Server, StanzaExt, element};

const CARBONS: &str = "urn:xmpp:carbons:2";

async fn enable(client: &Client) {
    client.ask("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>").await.done();
}

fn chat(to: &str) -> String {
    format!("<message to='{to}' type='chat' id='m'><body>x</body></message>")
}

#[tokio::test]
async fn sent_and_received() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.connect("romeo", "2").await);
    let (three, four) = (server.login("juliet", "3").await, server.login("juliet", "4").await);
    for client in [&one, &two, &four] {
        enable(client).await;
    }
    three.read();
    one.send(&chat("juliet@c/3")).await;
    let original = "<message xmlns='jabber:client' from='romeo@c/1' to='juliet@c/3' id='m' type='chat'><body>x</body></message>";
    let copy = |own: &str, resource: &str, direction: &str| {
        element(&format!(
            "<message from='{own}' to='{own}/{resource}' type='chat'><{direction} xmlns='urn:xmpp:carbons:2'>\
             <forwarded xmlns='urn:xmpp:forward:0'>{original}</forwarded></{direction}></message>"
        ))
    };
    assert_eq!(one.read(), []);
    assert_eq!(two.read(), [copy("romeo@c", "2", "sent")]);
    assert_eq!(four.read(), [copy("juliet@c", "4", "received")]);
    let came = three.read();
    assert_eq!((came.only().from(), came.only().to()), (Some("romeo@c/1"), Some("juliet@c/3")));
    assert_eq!(came.bodies(), ["x"]);

    two.ask("set", "", "<disable xmlns='urn:xmpp:carbons:2'/>").await.done();
    one.send(&chat("juliet@c/3")).await;
    assert_eq!(two.read(), []);
    assert_eq!(four.read(), [copy("juliet@c", "4", "received")]);
}

#[tokio::test]
async fn a_message_to_oneself_comes_once() {
    let server = Server::new().await;
    let mut clients = Vec::new();
    for resource in ["1", "2", "3"] {
        let client = server.login("romeo", resource).await;
        enable(&client).await;
        clients.push(client);
    }
    let hidden = server.connect("romeo", "hidden").await;
    enable(&hidden).await;
    for client in &clients {
        client.read();
    }
    for to in ["romeo@c", "romeo@c/2"] {
        clients[0].send(&chat(to)).await;
        for client in &clients[1..] {
            assert_eq!(client.read().all("body", CLIENT).len(), 1, "{to}");
        }
        assert_eq!(hidden.read().all("body", CLIENT).len(), 1, "{to}");
        clients[0].read();
    }
}

#[tokio::test]
async fn errors_follow_what_they_answer() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.login("romeo", "2").await);
    let juliet = server.login("juliet", "j").await;
    enable(&two).await;
    two.read();
    let error = "<message to='romeo@c/1' type='error' id='ID'><error type='cancel'/></message>";
    juliet.send(&error.replace("ID", "m")).await;
    assert_eq!(two.read(), []);
    one.send(&chat("juliet@c/j")).await;
    two.read().only().must("sent", CARBONS);
    juliet.send(&error.replace("ID", "m")).await;
    let came = two.read();
    let copy = came.only();
    assert_eq!((copy.from(), copy.to()), (Some("romeo@c"), Some("romeo@c/2")));
    assert_eq!((copy.kind(), copy.children().count()), (Some("error"), 1));
    copy.must("received", CARBONS);
    juliet.send(&error.replace("ID", "other")).await;
    assert_eq!(two.read(), []);
}
