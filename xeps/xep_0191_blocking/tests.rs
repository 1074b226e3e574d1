use minidom::Element;
use waxwing_stanza::ns::CLIENT;

use crate::tests::{Came, Client, Server, StanzaExt, element};

const OUTGOING: &str = "<error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>you have blocked this address</text>\
                        <blocked xmlns='urn:xmpp:blocking:errors'/></error>";

fn command(name: &str, jids: &[&str]) -> String {
    let items: String = jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    format!("<{name} xmlns='urn:xmpp:blocking'>{items}</{name}>")
}

async fn set(client: &Client, name: &str, jids: &[&str]) -> Came {
    client.ask("set", "", &command(name, jids)).await
}

async fn list(client: &Client) -> Element {
    let answer = client.ask("get", "", &command("blocklist", &[])).await;
    answer.payload("blocklist", "urn:xmpp:blocking").clone()
}

fn listed(jids: &[&str]) -> Element {
    element(&command("blocklist", jids))
}

/// The payload of the only stanza that came, a push.
#[track_caller]
fn pushed(came: &Came) -> Element {
    let push = came.only();
    assert_eq!((push.name(), push.kind(), push.children().count()), ("iq", Some("set"), 1), "{came:?}");
    push.children().next().unwrap().clone()
}

#[tokio::test]
async fn the_list_and_its_pushes() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.connect("romeo", "2").await);
    assert_eq!(list(&one).await, listed(&[]));
    assert_eq!(list(&two).await, listed(&[]));
    let came = set(&one, "block", &["Tybalt@c", "tybalt@c"]).await;
    let block = command("block", &["tybalt@c"]);
    assert_eq!(came[0], element(&format!("<iq to='romeo@c/1' id='block-0' type='set'>{block}</iq>")));
    came.done();
    let push = element(&format!("<iq to='romeo@c/2' id='block-1' type='set'>{block}</iq>"));
    assert_eq!(two.read(), [push]);
    let three = server.connect("romeo", "3").await;
    set(&three, "block", &["b@c", "c@c/d"]).await;
    assert_eq!(three.read(), []);
    assert_eq!(pushed(&two.read()), element(&command("block", &["b@c", "c@c/d"])));
    assert_eq!(list(&three).await, listed(&["b@c", "c@c/d", "tybalt@c"]));
    set(&three, "block", &["tybalt@c"]).await.done();
    assert_eq!(set(&three, "block", &["e@c"]).await.condition(), "not-allowed");
    two.read();
    set(&three, "unblock", &["b@c", "z@c"]).await.done();
    assert_eq!(pushed(&two.read()), element(&command("unblock", &["b@c", "z@c"])));
    set(&three, "unblock", &[]).await;
    assert_eq!(pushed(&two.read()), element(&command("unblock", &[])));
    assert_eq!(list(&three).await, listed(&[]));
}

#[tokio::test]
async fn malformed_commands() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "1").await;
    set(&romeo, "block", &["a@c"]).await;
    assert_eq!(set(&romeo, "block", &[]).await.condition(), "bad-request");
    assert_eq!(set(&romeo, "block", &["@"]).await.condition(), "jid-malformed");
    for bad in ["<item/>", "<itm jid='a@c'/>", "<item xmlns='x' jid='a@c'/>"] {
        let unblock = format!("<unblock xmlns='urn:xmpp:blocking'>{bad}</unblock>");
        assert_eq!(romeo.ask("set", "", &unblock).await.condition(), "bad-request", "{bad}");
    }
    assert_eq!(list(&romeo).await, listed(&["a@c"]));
    let others = romeo.ask("get", "a@c", &command("blocklist", &[])).await;
    assert_eq!(others.condition(), "not-acceptable", "it is blocked");
}

#[tokio::test]
async fn all_stanzas_in_both_directions() {
    let server = Server::new().await;
    server.befriend("romeo", "tybalt").await;
    let (romeo, tybalt) = (server.login("romeo", "r").await, server.login("tybalt", "t").await);
    romeo.read();
    set(&romeo, "block", &["tybalt@c"]).await;
    let gone = element("<presence from='romeo@c/r' to='tybalt@c/t' type='unavailable'/>");
    assert_eq!(tybalt.read(), [gone]);

    for (stanza, error) in [
        ("<message to='romeo@c' type='chat'><body>x</body></message>", true),
        ("<message to='romeo@c/r'><body>x</body></message>", true),
        ("<message to='romeo@c/r' type='groupchat'><body>x</body></message>", false),
        ("<message to='romeo@c/r' type='error'/>", false),
        ("<iq to='romeo@c/r' type='get' id='1'><x xmlns='y'/></iq>", true),
        ("<iq to='romeo@c/r' type='set' id='1'><x xmlns='y'/></iq>", true),
        ("<iq to='romeo@c' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", true),
        ("<iq to='romeo@c/r' type='result' id='1'/>", false),
        ("<iq to='romeo@c/r' type='error' id='1'/>", false),
        ("<presence to='romeo@c/r'/>", false),
        ("<presence to='romeo@c/r' type='unavailable'/>", false),
        ("<presence to='romeo@c' type='subscribe'/>", false),
        ("<presence/>", false),
    ] {
        tybalt.send(stanza).await;
        let answer = tybalt.read();
        let answers = answer.iter().filter(|it| it.from() != Some("tybalt@c/t"));
        let conditions: Vec<String> = answers.map(StanzaExt::condition).collect();
        let expected: &[&str] = if error { &["service-unavailable"] } else { &[] };
        assert_eq!(conditions, expected, "{stanza}: {answer:?}");
        assert_eq!(romeo.read(), [], "{stanza}");
    }
    let refusal = element(OUTGOING);
    for (stanza, error) in [
        ("<message to='tybalt@c' type='chat'><body>x</body></message>", true),
        ("<iq to='tybalt@c/t' type='get' id='1'><x xmlns='y'/></iq>", true),
        ("<iq to='tybalt@c/t' type='result' id='1'/>", false),
        ("<presence to='tybalt@c/t'/>", true),
        ("<presence to='tybalt@c' type='probe'/>", true),
        ("<message to='tybalt@c' type='error'/>", false),
    ] {
        romeo.send(stanza).await;
        let answer = romeo.read();
        let errors: Vec<&Element> = answer.iter().map(|it| it.must("error", CLIENT)).collect();
        assert_eq!(errors, if error { vec![&refusal] } else { vec![] }, "{stanza}");
        assert_eq!(tybalt.read(), [], "{stanza}");
    }
    set(&romeo, "unblock", &[]).await;
    assert_eq!(tybalt.read(), [element("<presence from='romeo@c/r' to='tybalt@c/t'/>")]);
    tybalt.send("<message to='romeo@c' type='chat'><body>x</body></message>").await;
    assert_eq!(romeo.read().bodies(), ["x"]);
}

#[tokio::test]
async fn oneself_and_the_server_are_never_blocked() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.login("romeo", "2").await);
    let juliet = server.login("juliet", "j").await;
    one.read();
    set(&one, "block", &["c", "romeo@c"]).await;
    one.send("<message to='romeo@c/2' type='chat'><body>x</body></message>").await;
    assert_eq!(two.read().bodies(), ["x"]);
    one.ask("get", "c", "<ping xmlns='urn:xmpp:ping'/>").await.done();
    juliet.send("<message to='romeo@c' type='chat'><body>x</body></message>").await;
    assert_eq!(juliet.read().only().condition(), "service-unavailable");
}

#[tokio::test]
async fn one_resource_and_directed_presence() {
    let server = Server::new().await;
    server.befriend("romeo", "tybalt").await;
    let romeo = server.login("romeo", "r").await;
    let (one, two) = (server.login("tybalt", "1").await, server.login("tybalt", "2").await);
    let stranger = server.login("paris", "p").await;
    romeo.send("<presence to='paris@c/p'/>").await;
    for client in [&romeo, &one, &two, &stranger] {
        client.read();
    }
    set(&romeo, "block", &["tybalt@c/1", "paris@c"]).await;
    let gone = |to: &str| element(&format!("<presence from='romeo@c/r' to='{to}' type='unavailable'/>"));
    assert_eq!(one.read(), [gone("tybalt@c/1")]);
    assert_eq!(two.read(), []);
    assert_eq!(stranger.read(), [gone("paris@c/p")]);
    romeo.send("<presence type='unavailable'/>").await;
    assert_eq!(stranger.read(), []);
}

#[tokio::test]
async fn it_outlives_memory() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    set(&romeo, "block", &["tybalt@c"]).await;
    let docs = server.core.store.docs(romeo.0.account.id, super::KIND).await.unwrap();
    assert_eq!(docs.len(), 1);
    assert_eq!(docs[0].key, "tybalt@c");
}

#[tokio::test]
async fn nothing_stored_comes_from_someone_blocked_since() {
    let server = Server::new().await;
    let tybalt = server.login("tybalt", "t").await;
    let romeo = server.connect("romeo", "r").await;
    tybalt.send("<message to='romeo@c' type='chat'><body>x</body></message>").await;
    set(&romeo, "block", &["tybalt@c"]).await;
    romeo.send("<presence/>").await;
    server.core.writer.flush().await;
    while romeo.0.account.read_log(&romeo.0).await.unwrap() {}
    assert!(romeo.read().all("body", CLIENT).is_empty());
}

#[tokio::test]
async fn broadcasts_and_probes() {
    let server = Server::new().await;
    server.befriend("romeo", "tybalt").await;
    let (romeo, tybalt) = (server.login("romeo", "r").await, server.login("tybalt", "t").await);
    set(&romeo, "block", &["tybalt@c"]).await;
    tybalt.read();
    romeo.send("<presence><show>away</show></presence>").await;
    assert_eq!(tybalt.read(), []);
    tybalt.send("<presence to='romeo@c' type='probe'/>").await;
    assert_eq!(tybalt.read(), []);
    let late = server.connect("tybalt", "late").await;
    late.send("<presence/>").await;
    let told = late.read();
    let senders: Vec<Option<&str>> = told.iter().map(StanzaExt::from).collect();
    assert_eq!(senders, [Some("tybalt@c/late"), Some("tybalt@c/t")]);
}
