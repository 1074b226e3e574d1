use crate::tests::Server;

const NODE: &str = "urn:x-waxwing:devices";

#[tokio::test]
async fn runs_that_wait_are_bounded_together() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    let sessions = super::Sessions::new(1000);
    let run =
        |bytes: usize| super::Waiting::new(&romeo.0, sessions.number(), NODE, vec!["x".repeat(bytes)], false);
    for _ in 0..63 {
        sessions.put(&romeo.0, run(1 << 20)).unwrap();
    }
    let full = sessions.put(&romeo.0, run(1 << 20)).unwrap_err();
    assert_eq!(full.condition, waxwing_stanza::Condition::ResourceConstraint);
    // What is taken out makes room.
    let last = sessions.number() - 3;
    let id = super::sessions::id(&romeo.0, last);
    assert_eq!(sessions.take(&romeo.0, &id, NODE).unwrap().number, last);
    sessions.put(&romeo.0, run(1 << 20)).unwrap();
}
