//! What a stream says that it takes (XEP-0478), and that this is so.

use harness::{Account, Client, Server, StanzaExt, Stream, scenes};
use minidom::Element;

scenes! {
    ["limits.stanza=20000", "limits.stanza_before_auth=5000", "keepalive.idle_seconds=77"]:
        limits_before_login,
        limits_after_login,
        limits_after_login_in_one_step,
        before_tls_nothing_is_said;
}

const LIMITS: &str = "urn:xmpp:stream-limits:0";

/// Bytes and seconds, as far as they are told.
fn told(features: &Element) -> (Option<usize>, Option<u64>) {
    let limits = features.must("limits", LIMITS);
    let number = |name| limits.child(name, LIMITS).map(Element::text);
    let bytes = number("max-bytes").map(|text| text.parse().expect("a number"));
    (bytes, number("idle-seconds").map(|text| text.parse().expect("a number")))
}

/// An element of exactly so many bytes.
fn sized(bytes: usize, head: &str, tail: &str) -> String {
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

async fn limits_before_login(s: &Server) {
    for (more, condition) in [(0, "not-authorized"), (1, "policy-violation")] {
        let mut stream = Stream::direct(s).await;
        let features = stream.open().await;
        let (bytes, idle) = told(&features);
        assert_eq!((bytes, idle), (Some(5000), None), "there is no time for silence before login");
        stream.send(sized(5000 + more, "<message><body>", "</body></message>")).await;
        assert_eq!(stream.failed().await, condition);
    }
}

async fn ready(s: &Server, account: &Account) -> (Client, Element) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let features = stream.login(account).await;
    let jid = stream.bind(None).await;
    (Client::over(stream, jid), features)
}

async fn limits_after_login(s: &Server) {
    let account = s.account();
    let (mut client, features) = ready(s, &account).await;
    assert_eq!(told(&features), (Some(20_000), Some(77)));
    client.send(sized(20_000, "<message to='localhost'><body>", "</body></message>")).await;
    assert_eq!(client.message().await.condition(), "service-unavailable");
    client.send(sized(20_001, "<message to='localhost'><body>", "</body></message>")).await;
    assert_eq!(client.failed().await, "policy-violation");
}

async fn limits_after_login_in_one_step(s: &Server) {
    let account = s.account();
    let (mut stream, _) = Stream::sasl2_login(s, &account, "").await;
    assert_eq!(told(&stream.features().await), (Some(20_000), Some(77)));
}

/// RFC 6120 §5.4.1: nothing but STARTTLS where that is required.
async fn before_tls_nothing_is_said(s: &Server) {
    let mut stream = Stream::plain(s).await;
    let features = stream.open().await;
    assert!(features.child("limits", LIMITS).is_none());
}
