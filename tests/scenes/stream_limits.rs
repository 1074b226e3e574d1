//! What a stream says that it takes (XEP-0478), and that this is so.

use std::time::Instant;

use harness::{Account, Client, Server, StanzaExt, Stream, ns, scenes};
use minidom::Element;

scenes! {
    ["limits.stanza=20000", "limits.stanza_before_auth=5000", "keepalive.idle_seconds=77"]:
        limits_before_login,
        limits_after_login,
        limits_after_login_in_one_step,
        before_tls_nothing_is_said;
    ["limits.depth=9", "limits.attributes=8"]: depth_and_attributes;
    [
        "limits.stanza=10000",
        "limits.stanza_before_auth=10000",
        "limits.stanzas_per_second=20",
        "limits.stanza_burst=5",
        "limits.bytes_per_second=20000",
        "limits.byte_burst=10000",
    ]: who_sends_too_fast_is_read_slower;
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

/// One more of either ends the stream.
async fn depth_and_attributes(s: &Server) {
    let nested = |depth: usize| {
        let (open, close) = ("<a xmlns='urn:x'>".repeat(depth), "</a>".repeat(depth));
        format!("<message to='localhost'>{open}{close}</message>")
    };
    let attributes = |count: usize| {
        let attributes: String = (1..count).map(|n| format!(" a{n}=''")).collect();
        format!("<message to='localhost'><a xmlns='urn:x'{attributes}/></message>")
    };
    // The stanza is the first level.
    for (fits, too_much) in [(nested(8), nested(9)), (attributes(8), attributes(9))] {
        let mut client = s.user().await;
        client.send(fits).await;
        assert_eq!(client.message().await.condition(), "service-unavailable");
        client.send(too_much).await;
        assert_eq!(client.failed().await, "policy-violation");
    }
}

/// It loses nothing by it, and nobody else waits.
async fn who_sends_too_fast_is_read_slower(s: &Server) {
    let (mut hasty, mut calm) = s.pair().await;
    let ping = |n: usize| format!("<iq type='get' id='{n}' to='localhost'><ping xmlns='{}'/></iq>", ns::PING);
    let slowly = async |hasty: &mut Client, stanzas: String, answers: usize, at_least: f64| {
        let begun = Instant::now();
        hasty.send(stanzas).await;
        for _ in 0..answers {
            hasty.next().await;
        }
        let took = begun.elapsed().as_secs_f64();
        assert!(took >= at_least, "{took} s");
    };
    // Of 45 at most 5 at once, the others 20 a second.
    let stanzas: String = (0..45).map(ping).collect();
    let others = async {
        calm.sync().await;
        Instant::now()
    };
    let (slow, other) = tokio::join!(
        async {
            slowly(&mut hasty, stanzas, 45, 1.9).await;
            Instant::now()
        },
        others
    );
    assert!(other < slow);
    // Of 50 kB at most 10 at once, the others 20 a second.
    let large = sized(9900, "<message to='localhost'><body>", "</body></message>");
    slowly(&mut hasty, large.repeat(5), 5, 1.9).await;
    hasty.nothing().await;
}

/// RFC 6120 §5.4.1: nothing but STARTTLS where that is required.
async fn before_tls_nothing_is_said(s: &Server) {
    let mut stream = Stream::plain(s).await;
    let features = stream.open().await;
    assert!(features.child("limits", LIMITS).is_none());
}
