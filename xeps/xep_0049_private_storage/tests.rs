use crate::tests::{Client, Server, condition};

async fn get(client: &Client, wanted: &str) -> String {
    client.ask("get", "", &format!("<query xmlns='jabber:iq:private'>{wanted}</query>")).await
}

async fn set(client: &Client, content: &str) -> String {
    client.ask("set", "", &format!("<query xmlns='jabber:iq:private'>{content}</query>")).await
}

#[tokio::test]
async fn stored_as_it_came() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let empty = "<storage xmlns='storage:bookmarks'/>";
    assert!(get(&romeo, empty).await.contains(&format!("<query xmlns='jabber:iq:private'>{empty}</query>")));
    let bookmarks =
        "<storage xmlns='storage:bookmarks'><conference jid='a@b'><nick>&amp;</nick></conference></storage>";
    let notes = "<a xmlns='x'/><b xmlns='x'>1</b>";
    assert!(set(&romeo, &format!("{bookmarks}{notes}")).await.contains("type='result'"));
    assert!(
        get(&romeo, empty).await.contains(&format!("<query xmlns='jabber:iq:private'>{bookmarks}</query>"))
    );
    assert!(
        get(&romeo, "<b xmlns='x'/>")
            .await
            .contains(&format!("<query xmlns='jabber:iq:private'>{notes}</query>"))
    );
}

#[tokio::test]
async fn prefixes_declared_outside_are_kept() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let set = "<query xmlns='jabber:iq:private' xmlns:p='deep'><p:a><p:b/></p:a></query>";
    assert!(romeo.ask("set", "", set).await.contains("type='result'"));
    let got = get(&romeo, "<a xmlns='deep'/>").await;
    assert!(got.contains("xmlns:p='deep'") && got.contains("<p:b"), "{got}");
}

#[tokio::test]
async fn refusals() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    assert_eq!(condition(&get(&romeo, "").await), "bad-request");
    assert_eq!(condition(&get(&romeo, "<a xmlns='x'/><b xmlns='y'/>").await), "bad-request");
    assert_eq!(condition(&set(&romeo, "").await), "not-acceptable");
    for reserved in ["<a/>", "<a xmlns='jabber:client'/>", "<a xmlns=''/>", "<vCard xmlns='vcard-temp'/>"] {
        assert_eq!(condition(&set(&romeo, reserved).await), "not-acceptable", "{reserved}");
        assert_eq!(condition(&get(&romeo, reserved).await), "not-acceptable", "{reserved}");
    }
    let query = "<query xmlns='jabber:iq:private'><a xmlns='x'/></query>";
    for to in ["c", "juliet@c"] {
        assert_eq!(condition(&romeo.ask("set", to, query).await), "forbidden");
        assert_eq!(condition(&romeo.ask("get", to, query).await), "forbidden");
    }
}

#[tokio::test]
async fn the_quota_counts_all_namespaces_and_frees_what_is_replaced() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let filled = |ns: &str, bytes: usize| format!("<a xmlns='{ns}'>{}</a>", "x".repeat(bytes));
    assert!(set(&romeo, &filled("x", 700)).await.contains("type='result'"));
    assert_eq!(condition(&set(&romeo, &filled("y", 700)).await), "resource-constraint");
    assert!(set(&romeo, &filled("x", 100)).await.contains("type='result'"));
    assert!(set(&romeo, &filled("y", 700)).await.contains("type='result'"));
    assert!(get(&romeo, "<a xmlns='x'/>").await.contains(&filled("x", 100)));
}
