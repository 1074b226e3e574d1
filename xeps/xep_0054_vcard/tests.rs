use crate::flags;
use crate::tests::{Client, Server, condition};

const EMPTY: &str = "<vCard xmlns='vcard-temp'/>";
/// The SHA-1 of `abc` (FIPS 180).
const ABC: &str =
    "<x xmlns='vcard-temp:x:update'><photo>a9993e364706816aba3e25717850c26c9cd0d89d</photo></x>";

fn vcard(binval: &str) -> String {
    format!(
        "<vCard xmlns='vcard-temp'><FN>R</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>{binval}</BINVAL></PHOTO></vCard>"
    )
}

async fn set(client: &Client, vcard: &str) -> String {
    client.ask("set", "", vcard).await
}

#[tokio::test]
async fn one_without_a_vcard_looks_like_one_who_does_not_exist() {
    let server = Server::new().await;
    let (romeo, juliet) = (server.login("romeo", "r").await, server.login("juliet", "j").await);
    assert_eq!(condition(&romeo.ask("get", "", EMPTY).await), "item-not-found");
    let answer = async |to: &str| juliet.ask("get", to, EMPTY).await.replace(to, "somebody@c");
    let none = answer("romeo@c").await;
    assert_eq!(none, answer("nobody@c").await);
    assert_eq!(condition(&none), "service-unavailable", "{none}");
    for to in ["romeo@c", "nobody@c", "c"] {
        assert_eq!(condition(&juliet.ask("set", to, &vcard("")).await), "forbidden", "{to}");
    }
    assert_eq!(condition(&juliet.ask("get", "c", EMPTY).await), "item-not-found");
    // An empty one is none.
    assert!(set(&romeo, &vcard("")).await.contains("type='result'"));
    assert!(juliet.ask("get", "romeo@c", EMPTY).await.contains(&vcard("")));
    assert!(set(&romeo, EMPTY).await.contains("type='result'"));
    assert_eq!(condition(&juliet.ask("get", "romeo@c", EMPTY).await), "service-unavailable");
}

#[tokio::test]
async fn pictures_that_are_none_or_too_large() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    assert!(set(&romeo, &vcard("YWJj\n YWJj")).await.contains("type='result'"));
    assert!(set(&romeo, &vcard("YWI")).await.contains("type='result'"), "without padding");
    for bad in ["!!!!", "Y", "YWJj=YWJj", "é"] {
        let answer = set(&romeo, &vcard(bad)).await;
        assert_eq!(condition(&answer), "not-acceptable", "{bad}: {answer}");
    }
    assert!(set(&romeo, &vcard(&"YWJj".repeat(33))).await.contains("type='result'"));
    let answer = set(&romeo, &vcard(&"YWJj".repeat(34))).await;
    assert_eq!((condition(&answer).as_str(), answer.contains("100 bytes")), ("policy-violation", true));
    let answer =
        set(&romeo, &format!("<vCard xmlns='vcard-temp'><FN>{}</FN></vCard>", "x".repeat(1000))).await;
    assert_eq!((condition(&answer).as_str(), answer.contains("1000 bytes")), ("policy-violation", true));
    // What was refused changed nothing.
    assert!(romeo.ask("get", "", EMPTY).await.contains(&"YWJj".repeat(33)));
}

#[tokio::test]
async fn presence_says_the_hash_where_the_client_does_not() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let (romeo, juliet) = (server.login("romeo", "r").await, server.login("juliet", "j").await);
    assert!(romeo.0.account.has_flag(flags::NO_PICTURE));
    romeo.send("<presence/>").await;
    assert!(!juliet.read().contains("x:update"));
    assert!(set(&romeo, &vcard("YWJj")).await.contains("type='result'"));
    assert!(juliet.read().contains(ABC), "contacts are told at once");
    romeo.send("<presence><show>away</show></presence>").await;
    assert!(juliet.read().contains(&format!("<show>away</show>{ABC}")));
    romeo.send("<presence><x xmlns='vcard-temp:x:update'/></presence>").await;
    let told = juliet.read();
    assert!(told.contains(ABC) && told.matches("x:update").count() == 1, "{told}");
    let own = [
        "<x xmlns='vcard-temp:x:update'><photo/></x>",
        "<x xmlns='vcard-temp:x:update'><photo>another</photo></x>",
    ];
    for own in own {
        romeo.send(&format!("<presence>{own}</presence>")).await;
        let told = juliet.read();
        assert!(told.contains(own) && told.matches("x:update").count() == 1, "{told}");
    }
    // Who says something of its own is left alone when the picture changes.
    set(&romeo, &vcard("YWJjYWJj")).await;
    assert!(!juliet.read().contains("presence"));
    romeo.send("<presence type='unavailable'/>").await;
    assert!(!juliet.read().contains("x:update"));
}

#[tokio::test]
async fn a_picture_that_goes_is_taken_out_of_presence() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let romeo = server.connect("romeo", "r").await;
    set(&romeo, &vcard("YWJj")).await;
    // As after a restart: what is stored is read.
    romeo.0.account.set_flag(flags::NO_PICTURE, false);
    let juliet = server.login("juliet", "j").await;
    romeo.send("<presence xml:lang='en'><status>s</status></presence>").await;
    assert!(juliet.read().contains(&format!(" xml:lang='en'><status>s</status>{ABC}</presence>")));
    set(&romeo, EMPTY).await;
    let told = juliet.read();
    assert!(told.contains("<status>s</status><x xmlns='vcard-temp:x:update'><photo></photo></x>"), "{told}");
    romeo.send("<presence/>").await;
    assert!(!juliet.read().contains("x:update"));
}
