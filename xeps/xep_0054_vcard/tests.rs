use minidom::Element;

use crate::flags;
use crate::tests::{Came, Client, Server, StanzaExt, element};

const EMPTY: &str = "<vCard xmlns='vcard-temp'/>";
/// The SHA-1 of `abc` (FIPS 180).
const ABC: &str =
    "<x xmlns='vcard-temp:x:update'><photo>a9993e364706816aba3e25717850c26c9cd0d89d</photo></x>";

fn vcard(binval: &str) -> String {
    format!(
        "<vCard xmlns='vcard-temp'><FN>R</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>{binval}</BINVAL></PHOTO></vCard>"
    )
}

async fn set(client: &Client, vcard: &str) -> Came {
    client.ask("set", "", vcard).await
}

/// The answer must hold this vCard.
#[track_caller]
fn holds(came: &Came, vcard: &str) {
    assert_eq!(*came.payload("vCard", "vcard-temp"), element(vcard));
}

/// What the only presence that came says of the picture.
#[track_caller]
fn updates(came: &Came) -> Vec<Element> {
    assert_eq!(came.only().name(), "presence");
    came.only().children().filter(|it| it.has_ns("vcard-temp:x:update")).cloned().collect()
}

/// What juliet is told of romeo.
fn presence(attributes: &str, payload: &str) -> Element {
    element(&format!("<presence from='romeo@c/r' to='juliet@c' {attributes}>{payload}</presence>"))
}

#[tokio::test]
async fn one_without_a_vcard_looks_like_one_who_does_not_exist() {
    let server = Server::new().await;
    let (romeo, juliet) = (server.login("romeo", "r").await, server.login("juliet", "j").await);
    assert_eq!(romeo.ask("get", "", EMPTY).await.condition(), "item-not-found");
    let answer = async |to: &str| juliet.ask("get", to, EMPTY).await.only_from(to);
    let none = answer("romeo@c").await;
    assert_eq!(none, answer("nobody@c").await);
    assert_eq!(none.condition(), "service-unavailable");
    for to in ["romeo@c", "nobody@c", "c"] {
        assert_eq!(juliet.ask("set", to, &vcard("")).await.condition(), "forbidden", "{to}");
    }
    assert_eq!(juliet.ask("get", "c", EMPTY).await.condition(), "item-not-found");
    // An empty one is none.
    set(&romeo, &vcard("")).await.done();
    holds(&juliet.ask("get", "romeo@c", EMPTY).await, &vcard(""));
    set(&romeo, EMPTY).await.done();
    assert_eq!(juliet.ask("get", "romeo@c", EMPTY).await.condition(), "service-unavailable");
}

#[tokio::test]
async fn pictures_that_are_none_or_too_large() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "r").await;
    set(&romeo, &vcard("YWJj\n YWJj")).await.done();
    // Without padding.
    set(&romeo, &vcard("YWI")).await.done();
    for bad in ["!!!!", "Y", "YWJj=YWJj", "é"] {
        let answer = set(&romeo, &vcard(bad)).await;
        assert_eq!(answer.condition(), "not-acceptable", "{bad}: {answer:?}");
    }
    set(&romeo, &vcard(&"YWJj".repeat(33))).await.done();
    let answer = set(&romeo, &vcard(&"YWJj".repeat(34))).await;
    assert_eq!(answer.condition(), "policy-violation");
    assert!(answer.only().error_text().contains("100 bytes"), "{answer:?}");
    let answer =
        set(&romeo, &format!("<vCard xmlns='vcard-temp'><FN>{}</FN></vCard>", "x".repeat(1000))).await;
    assert_eq!(answer.condition(), "policy-violation");
    assert!(answer.only().error_text().contains("1000 bytes"), "{answer:?}");
    // What was refused changed nothing.
    holds(&romeo.ask("get", "", EMPTY).await, &vcard(&"YWJj".repeat(33)));
}

#[tokio::test]
async fn presence_says_the_hash_where_the_client_does_not() {
    let server = Server::new().await;
    server.befriend("romeo", "juliet").await;
    let (romeo, juliet) = (server.login("romeo", "r").await, server.login("juliet", "j").await);
    assert!(romeo.0.account.has_flag(flags::NO_PICTURE));
    romeo.send("<presence/>").await;
    assert_eq!(updates(&juliet.read()), []);
    set(&romeo, &vcard("YWJj")).await.done();
    assert_eq!(updates(&juliet.read()), [element(ABC)], "contacts are told at once");
    romeo.send("<presence><show>away</show></presence>").await;
    assert_eq!(juliet.read(), [presence("", &format!("<show>away</show>{ABC}"))]);
    romeo.send("<presence><x xmlns='vcard-temp:x:update'/></presence>").await;
    assert_eq!(updates(&juliet.read()), [element(ABC)]);
    let own = [
        "<x xmlns='vcard-temp:x:update'><photo/></x>",
        "<x xmlns='vcard-temp:x:update'><photo>another</photo></x>",
    ];
    for own in own {
        romeo.send(&format!("<presence>{own}</presence>")).await;
        assert_eq!(updates(&juliet.read()), [element(own)]);
    }
    // Who says something of its own is left alone when the picture changes.
    set(&romeo, &vcard("YWJjYWJj")).await;
    assert_eq!(juliet.read(), []);
    romeo.send("<presence type='unavailable'/>").await;
    assert_eq!(updates(&juliet.read()), []);
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
    assert_eq!(juliet.read(), [presence("xml:lang='en'", &format!("<status>s</status>{ABC}"))]);
    set(&romeo, EMPTY).await;
    let gone = "<x xmlns='vcard-temp:x:update'><photo/></x>";
    assert_eq!(juliet.read(), [presence("xml:lang='en'", &format!("<status>s</status>{gone}"))]);
    romeo.send("<presence/>").await;
    assert_eq!(updates(&juliet.read()), []);
}
