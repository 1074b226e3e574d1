use crate::tests::{Client, Server, condition};

const OUTGOING: &str = "type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>you have blocked this address</text>\
                        <blocked xmlns='urn:xmpp:blocking:errors'/></error>";
const INCOMING: &str = "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";

fn command(name: &str, jids: &[&str]) -> String {
    let items: String = jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    format!("<{name} xmlns='urn:xmpp:blocking'>{items}</{name}>")
}

async fn set(client: &Client, name: &str, jids: &[&str]) -> String {
    client.ask("set", "", &command(name, jids)).await
}

#[tokio::test]
async fn the_list_and_its_pushes() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.connect("romeo", "2").await);
    assert!(
        one.ask("get", "", &command("blocklist", &[]))
            .await
            .contains("<blocklist xmlns='urn:xmpp:blocking'></blocklist>")
    );
    assert!(two.ask("get", "", &command("blocklist", &[])).await.contains("type='result'"));
    let done = set(&one, "block", &["Tybalt@c", "tybalt@c"]).await;
    let push = "<iq to='romeo@c/1' id='block-0' type='set'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@c'/></block></iq>";
    assert!(done.starts_with(push), "{done}");
    assert!(done.contains("type='result'"));
    assert!(two.read().contains("to='romeo@c/2' id='block-1' type='set'"));
    let three = server.connect("romeo", "3").await;
    set(&three, "block", &["b@c", "c@c/d"]).await;
    assert_eq!(three.read(), "");
    assert!(two.read().contains("<item jid='b@c'/><item jid='c@c/d'/>"));
    let list = three.ask("get", "", &command("blocklist", &[])).await;
    assert!(list.contains("<item jid='b@c'/><item jid='c@c/d'/><item jid='tybalt@c'/>"), "{list}");
    assert!(set(&three, "block", &["tybalt@c"]).await.contains("type='result'"));
    assert_eq!(condition(&set(&three, "block", &["e@c"]).await), "not-allowed");
    two.read();
    assert!(set(&three, "unblock", &["b@c", "z@c"]).await.contains("type='result'"));
    assert!(
        two.read()
            .contains("<unblock xmlns='urn:xmpp:blocking'><item jid='b@c'/><item jid='z@c'/></unblock>")
    );
    set(&three, "unblock", &[]).await;
    assert!(two.read().contains("<unblock xmlns='urn:xmpp:blocking'></unblock>"));
    assert!(
        three.ask("get", "", &command("blocklist", &[])).await.contains("'urn:xmpp:blocking'></blocklist>")
    );
}

#[tokio::test]
async fn malformed_commands() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "1").await;
    set(&romeo, "block", &["a@c"]).await;
    assert_eq!(condition(&set(&romeo, "block", &[]).await), "bad-request");
    assert_eq!(condition(&set(&romeo, "block", &["@"]).await), "jid-malformed");
    for bad in ["<item/>", "<itm jid='a@c'/>", "<item xmlns='x' jid='a@c'/>"] {
        let unblock = format!("<unblock xmlns='urn:xmpp:blocking'>{bad}</unblock>");
        assert_eq!(condition(&romeo.ask("set", "", &unblock).await), "bad-request", "{bad}");
    }
    assert!(romeo.ask("get", "", &command("blocklist", &[])).await.contains("<item jid='a@c'/>"));
    let others = romeo.ask("get", "a@c", &command("blocklist", &[])).await;
    assert!(others.contains("type='error'"));
}

#[tokio::test]
async fn all_stanzas_in_both_directions() {
    let server = Server::new().await;
    server.befriend("romeo", "tybalt").await;
    let (romeo, tybalt) = (server.login("romeo", "r").await, server.login("tybalt", "t").await);
    romeo.read();
    set(&romeo, "block", &["tybalt@c"]).await;
    let gone = tybalt.read();
    assert!(gone.contains("<presence from='romeo@c/r' to='tybalt@c/t' type='unavailable'>"), "{gone}");

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
        let answer = tybalt.read().replace("<presence from='tybalt@c/t' to='tybalt@c'></presence>", "");
        assert_eq!(answer.contains(INCOMING), error, "{stanza}: {answer}");
        assert!(error || answer.is_empty(), "{stanza}: {answer}");
        assert_eq!(romeo.read(), "", "{stanza}");
    }
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
        assert_eq!(answer.contains(OUTGOING), error, "{stanza}: {answer}");
        assert_eq!(tybalt.read(), "", "{stanza}");
    }
    set(&romeo, "unblock", &[]).await;
    let back = tybalt.read();
    assert!(back.contains("<presence from='romeo@c/r' to='tybalt@c/t'"), "{back}");
    tybalt.send("<message to='romeo@c' type='chat'><body>x</body></message>").await;
    assert!(romeo.read().contains("<body>x</body>"));
}

#[tokio::test]
async fn oneself_and_the_server_are_never_blocked() {
    let server = Server::new().await;
    let (one, two) = (server.login("romeo", "1").await, server.login("romeo", "2").await);
    let juliet = server.login("juliet", "j").await;
    one.read();
    set(&one, "block", &["c", "romeo@c"]).await;
    one.send("<message to='romeo@c/2' type='chat'><body>x</body></message>").await;
    assert!(two.read().contains("<body>x</body>"));
    assert!(one.ask("get", "c", "<ping xmlns='urn:xmpp:ping'/>").await.contains("type='result'"));
    juliet.send("<message to='romeo@c' type='chat'><body>x</body></message>").await;
    assert!(juliet.read().contains(INCOMING));
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
    assert!(one.read().contains("to='tybalt@c/1' type='unavailable'"));
    assert_eq!(two.read(), "");
    assert!(stranger.read().contains("to='paris@c/p' type='unavailable'"));
    romeo.send("<presence type='unavailable'/>").await;
    assert_eq!(stranger.read(), "");
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
    assert!(!romeo.read().contains("<body>"));
}

#[tokio::test]
async fn broadcasts_and_probes() {
    let server = Server::new().await;
    server.befriend("romeo", "tybalt").await;
    let (romeo, tybalt) = (server.login("romeo", "r").await, server.login("tybalt", "t").await);
    set(&romeo, "block", &["tybalt@c"]).await;
    tybalt.read();
    romeo.send("<presence><show>away</show></presence>").await;
    assert_eq!(tybalt.read(), "");
    tybalt.send("<presence to='romeo@c' type='probe'/>").await;
    assert_eq!(tybalt.read(), "");
    let late = server.login("tybalt", "late").await;
    assert!(!late.read().contains("romeo"));
}
