use crate::tests::{Client, Server};

const LIST: &str = "urn:x-waxwing:devices";

fn command(attrs: &str) -> String {
    format!("<command xmlns='http://jabber.org/protocol/commands' {attrs}/>")
}

async fn run(client: &Client, attrs: &str) -> String {
    client.ask("set", "c", &command(attrs)).await
}

#[tokio::test]
async fn what_cannot_be_run() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let done = run(&romeo, &format!("node='{LIST}'")).await;
    assert!(done.contains("status='completed'") && done.contains("<note type='info'>No client"), "{done}");
    let id = done.split_once("sessionid='").unwrap().1.split('\'').next().unwrap().to_owned();
    let cases = [
        (format!("node='{LIST}' sessionid='{id}'"), "<not-allowed ", "session-expired"),
        (format!("node='{LIST}' sessionid='{id}' action='cancel'"), "<not-allowed ", "session-expired"),
        (format!("node='{LIST}' sessionid=''"), "<bad-request ", "bad-sessionid"),
        (format!("node='{LIST}' sessionid='x'"), "<bad-request ", "bad-sessionid"),
        (format!("node='{LIST}' action='walk'"), "<bad-request ", "malformed-action"),
        (format!("node='{LIST}' action='next'"), "<bad-request ", "bad-action"),
        (format!("node='{LIST}' action='cancel'"), "<bad-request ", "bad-action"),
        (format!("node='{LIST}' xml:lang='fr-ca'"), "<bad-request ", "bad-locale"),
        ("node='x'".to_owned(), "<item-not-found ", ""),
        (String::new(), "<bad-request ", ""),
    ];
    for (attrs, condition, app) in cases {
        let answer = run(&romeo, &attrs).await;
        assert!(answer.contains(condition) && answer.contains(app), "{attrs}: {answer}");
    }
    for fine in ["xml:lang='en-gb'", "xml:lang='EN'", "action='execute'", "status='executing'"] {
        assert!(run(&romeo, &format!("node='{LIST}' {fine}")).await.contains("completed"), "{fine}");
    }
    // Another's id is nobody's.
    let juliet = server.login("juliet", "j").await;
    assert!(run(&juliet, &format!("node='{LIST}' sessionid='{id}'")).await.contains("bad-sessionid"));
    for to in ["romeo@c", "nobody@c"] {
        let answer = juliet.ask("set", to, &command(&format!("node='{LIST}'"))).await;
        assert!(answer.contains("<service-unavailable "), "{to}: {answer}");
    }
}

#[tokio::test]
async fn runs_that_wait_are_bounded_together() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let sessions = super::Sessions::new(1000);
    let run =
        |bytes: usize| super::Waiting::new(&romeo.0, sessions.number(), LIST, vec!["x".repeat(bytes)], false);
    for _ in 0..63 {
        sessions.put(&romeo.0, run(1 << 20)).unwrap();
    }
    let full = sessions.put(&romeo.0, run(1 << 20)).unwrap_err();
    assert_eq!(full.condition, waxwing_stanza::Condition::ResourceConstraint);
    // What is taken out makes room.
    let last = sessions.number() - 3;
    let id = super::sessions::id(&romeo.0, last);
    assert_eq!(sessions.take(&romeo.0, &id, LIST).unwrap().number, last);
    sessions.put(&romeo.0, run(1 << 20)).unwrap();
}
