use crate::tests::{Came, Client, Server, element};

/// The answer must hold this and nothing else.
#[track_caller]
fn holds(came: &Came, content: &str) {
    let expected = element(&format!("<query xmlns='jabber:iq:private'>{content}</query>"));
    assert_eq!(*came.payload("query", "jabber:iq:private"), expected);
}

async fn get(client: &Client, wanted: &str) -> Came {
    client.ask("get", "", &format!("<query xmlns='jabber:iq:private'>{wanted}</query>")).await
}

async fn set(client: &Client, content: &str) -> Came {
    client.ask("set", "", &format!("<query xmlns='jabber:iq:private'>{content}</query>")).await
}

#[tokio::test]
async fn stored_as_it_came() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let empty = "<storage xmlns='storage:bookmarks'/>";
    holds(&get(&romeo, empty).await, empty);
    let bookmarks =
        "<storage xmlns='storage:bookmarks'><conference jid='a@b'><nick>&amp;</nick></conference></storage>";
    let notes = "<a xmlns='x'/><b xmlns='x'>1</b>";
    set(&romeo, &format!("{bookmarks}{notes}")).await.done();
    holds(&get(&romeo, empty).await, bookmarks);
    holds(&get(&romeo, "<b xmlns='x'/>").await, notes);
}

#[tokio::test]
async fn prefixes_declared_outside_are_kept() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let set = "<query xmlns='jabber:iq:private' xmlns:p='deep'><p:a><p:b/></p:a></query>";
    romeo.ask("set", "", set).await.done();
    holds(&get(&romeo, "<a xmlns='deep'/>").await, "<a xmlns='deep'><b/></a>");
}

#[tokio::test]
async fn refusals() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    assert_eq!(get(&romeo, "").await.condition(), "bad-request");
    assert_eq!(get(&romeo, "<a xmlns='x'/><b xmlns='y'/>").await.condition(), "bad-request");
    assert_eq!(set(&romeo, "").await.condition(), "not-acceptable");
    for reserved in ["<a/>", "<a xmlns='jabber:client'/>", "<a xmlns=''/>", "<vCard xmlns='vcard-temp'/>"] {
        assert_eq!(set(&romeo, reserved).await.condition(), "not-acceptable", "{reserved}");
        assert_eq!(get(&romeo, reserved).await.condition(), "not-acceptable", "{reserved}");
    }
    let query = "<query xmlns='jabber:iq:private'><a xmlns='x'/></query>";
    for to in ["c", "juliet@c"] {
        assert_eq!(romeo.ask("set", to, query).await.condition(), "forbidden");
        assert_eq!(romeo.ask("get", to, query).await.condition(), "forbidden");
    }
}

#[tokio::test]
async fn the_quota_counts_all_namespaces_and_frees_what_is_replaced() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let filled = |ns: &str, bytes: usize| format!("<a xmlns='{ns}'>{}</a>", "x".repeat(bytes));
    set(&romeo, &filled("x", 700)).await.done();
    assert_eq!(set(&romeo, &filled("y", 700)).await.condition(), "resource-constraint");
    set(&romeo, &filled("x", 100)).await.done();
    set(&romeo, &filled("y", 700)).await.done();
    holds(&get(&romeo, "<a xmlns='x'/>").await, &filled("x", 100));
}
