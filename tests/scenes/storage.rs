//! Private XML storage (XEP-0049).

use harness::{Client, Server, StanzaExt, ns, scenes};
use minidom::Element;

scenes! {
    []: what_was_never_stored_is_empty,
        what_was_stored_comes_back,
        bookmarks_are_taken,
        each_namespace_is_its_own,
        requests_that_make_no_sense,
        nobody_reads_another,
        it_survives_a_restart;
    ["limits.private_bytes=2000"]: more_than_may_be_stored;
}

async fn get(client: &mut Client, payload: &str) -> Element {
    let answer =
        client.request("get", None, &format!("<query xmlns='{}'>{payload}</query>", ns::PRIVATE)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
    let query = answer.must("query", ns::PRIVATE);
    assert_eq!(query.children().count(), 1);
    query.children().next().expect("the one child").clone()
}

async fn set(client: &mut Client, payload: &str) -> Element {
    client.request("set", None, &format!("<query xmlns='{}'>{payload}</query>", ns::PRIVATE)).await
}

async fn what_was_never_stored_is_empty(s: &Server) {
    let mut romeo = s.user().await;
    let prefs = get(&mut romeo, "<prefs xmlns='urn:example:prefs'/>").await;
    assert!(prefs.is("prefs", "urn:example:prefs"));
    assert_eq!((prefs.children().count(), prefs.text().as_str()), (0, ""));
}

async fn what_was_stored_comes_back(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let stored =
        "<prefs xmlns='urn:example:prefs' a='&lt;'><x>y &amp; z</x><p:q xmlns:p='urn:example:p'/></prefs>";
    assert_eq!(set(&mut romeo, stored).await.kind(), Some("result"));
    let mut other = s.online(&account, "two").await;
    let prefs = get(&mut other, "<prefs xmlns='urn:example:prefs'/>").await;
    assert_eq!(prefs.attr("a"), Some("<"));
    assert_eq!(prefs.must("x", "urn:example:prefs").text(), "y & z");
    prefs.must("q", "urn:example:p");
    // The newest wins, whole.
    assert_eq!(set(&mut romeo, "<prefs xmlns='urn:example:prefs'/>").await.kind(), Some("result"));
    assert_eq!(get(&mut romeo, "<prefs xmlns='urn:example:prefs'/>").await.children().count(), 0);
}

async fn bookmarks_are_taken(s: &Server) {
    let mut romeo = s.user().await;
    let stored = "<storage xmlns='storage:bookmarks'><conference jid='room@rooms.example' autojoin='true'>\
                  <nick>R</nick></conference></storage>";
    assert_eq!(set(&mut romeo, stored).await.kind(), Some("result"));
    let storage = get(&mut romeo, "<storage xmlns='storage:bookmarks'/>").await;
    assert_eq!(storage.must("conference", "storage:bookmarks").attr("jid"), Some("room@rooms.example"));
}

async fn each_namespace_is_its_own(s: &Server) {
    let mut romeo = s.user().await;
    for n in 0..3 {
        let stored = format!("<prefs xmlns='urn:example:{n}'><n>{n}</n></prefs>");
        assert_eq!(set(&mut romeo, &stored).await.kind(), Some("result"));
    }
    for n in 0..3 {
        let namespace = format!("urn:example:{n}");
        let prefs = get(&mut romeo, &format!("<prefs xmlns='{namespace}'/>")).await;
        assert_eq!(prefs.must("n", &namespace).text(), n.to_string());
    }
}

/// XEP-0049 §2.3.
async fn requests_that_make_no_sense(s: &Server) {
    let mut romeo = s.user().await;
    for kind in ["get", "set"] {
        let answer = romeo.request(kind, None, &format!("<query xmlns='{}'/>", ns::PRIVATE)).await;
        assert!(matches!(&*answer.condition(), "bad-request" | "not-acceptable"), "{}", answer.show());
    }
}

async fn nobody_reads_another(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    set(&mut juliet, "<prefs xmlns='urn:example:prefs'><secret/></prefs>").await;
    let query = format!("<query xmlns='{}'><prefs xmlns='urn:example:prefs'/></query>", ns::PRIVATE);
    for to in [juliet.bare().to_owned(), "nobody@localhost".to_owned()] {
        for kind in ["get", "set"] {
            let answer = romeo.request(kind, Some(&to), &query).await;
            assert!(matches!(&*answer.condition(), "forbidden" | "service-unavailable"), "{}", answer.show());
        }
    }
    get(&mut juliet, "<prefs xmlns='urn:example:prefs'/>").await.must("secret", "urn:example:prefs");
}

async fn it_survives_a_restart(s: &Server) {
    let own = s.fresh(&[]);
    let account = own.account();
    let mut romeo = own.online(&account, "one").await;
    set(&mut romeo, "<prefs xmlns='urn:example:prefs'><x/></prefs>").await;
    own.kill();
    own.resume();
    let mut romeo = own.online(&account, "one").await;
    get(&mut romeo, "<prefs xmlns='urn:example:prefs'/>").await.must("x", "urn:example:prefs");
}

async fn more_than_may_be_stored(s: &Server) {
    let mut romeo = s.user().await;
    let prefs =
        |n: u32, size: usize| format!("<prefs xmlns='urn:example:{n}'><x>{}</x></prefs>", "y".repeat(size));
    assert_eq!(set(&mut romeo, &prefs(0, 1000)).await.kind(), Some("result"));
    assert_eq!(set(&mut romeo, &prefs(1, 1500)).await.kind(), Some("error"));
    assert_eq!(get(&mut romeo, "<prefs xmlns='urn:example:1'/>").await.children().count(), 0);
    // What takes the place of something counts once.
    assert_eq!(set(&mut romeo, &prefs(0, 1500)).await.kind(), Some("result"));
}
