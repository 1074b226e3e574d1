//! What ends a stream, and how (RFC 6120 §4.9, §11).

use harness::{Event, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: an_unknown_host,
        a_header_without_a_host,
        a_wrong_stream_namespace,
        a_wrong_content_namespace,
        a_wrong_prefix,
        an_unsupported_version,
        a_root_that_is_no_stream,
        bytes_that_are_no_xml,
        an_unsupported_encoding,
        tags_that_do_not_match,
        text_between_stanzas,
        restricted_xml,
        undefined_entities,
        undeclared_prefixes,
        doubled_attributes,
        bytes_that_are_no_utf8,
        an_element_before_login_that_is_too_large,
        a_stanza_that_is_too_large,
        nesting_that_is_too_deep,
        too_many_attributes,
        an_element_that_is_no_stanza,
        an_acknowledgement_of_no_number,
        a_stanza_from_somebody_else,
        what_came_before_the_fault_is_answered_before_the_error,
        a_broken_stream_harms_nobody_else,
}

/// Opens a stream with this header and expects a stream error, behind a header of the server's own
/// (RFC 6120 §4.9.1.2).
async fn header_fails(s: &Server, header: &str) -> String {
    let mut stream = Stream::direct(s).await;
    stream.send(header).await;
    let Event::Header { declared: true, .. } = stream.event().await else { panic!("a header comes first") };
    stream.failed().await
}

async fn an_unknown_host(s: &Server) {
    let header = "<?xml version='1.0'?><stream:stream to='example.invalid' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(header_fails(s, header).await, "host-unknown");
}

async fn a_header_without_a_host(s: &Server) {
    let header = "<?xml version='1.0'?><stream:stream version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let condition = header_fails(s, header).await;
    assert!(matches!(&*condition, "host-unknown" | "improper-addressing"), "{condition}");
}

async fn a_wrong_stream_namespace(s: &Server) {
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://wrong.example/'>";
    assert_eq!(header_fails(s, header).await, "invalid-namespace");
}

async fn a_wrong_content_namespace(s: &Server) {
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='urn:example:other' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(header_fails(s, header).await, "invalid-namespace");
}

/// RFC 6120 §4.8.5: `stream`, for the sake of old implementations.
async fn a_wrong_prefix(s: &Server) {
    for (name, prefix) in [("s:stream", "xmlns:s"), ("stream", "xmlns")] {
        let header = format!(
            "<?xml version='1.0'?><{name} to='localhost' version='1.0' {prefix}='http://etherx.jabber.org/streams'>"
        );
        assert_eq!(header_fails(s, &header).await, "bad-namespace-prefix", "{header}");
    }
}

async fn an_unsupported_version(s: &Server) {
    let header = "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(header_fails(s, header).await, "unsupported-version");
}

async fn a_root_that_is_no_stream(s: &Server) {
    for header in [
        "<?xml version='1.0'?><stream:features to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
        "<html>",
    ] {
        let condition = header_fails(s, header).await;
        assert!(matches!(&*condition, "bad-format" | "invalid-namespace"), "{condition}");
    }
}

async fn bytes_that_are_no_xml(s: &Server) {
    for bytes in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\0\0\0\0", "<<<<"] {
        let condition = header_fails(s, bytes).await;
        assert!(
            matches!(&*condition, "not-well-formed" | "bad-format" | "unsupported-encoding"),
            "{bytes:?}: {condition}"
        );
    }
}

/// RFC 6120 §11.6.
async fn an_unsupported_encoding(s: &Server) {
    let header = "<?xml version='1.0' encoding='ISO-8859-1'?><stream:stream to='localhost' version='1.0' \
                  xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(header_fails(s, header).await, "unsupported-encoding");
}

/// Sends bytes on a bound stream and expects one of these stream errors.
async fn fails(s: &Server, bytes: impl AsRef<[u8]>, conditions: &[&str]) {
    let mut client = s.user().await;
    client.send_raw(&bytes).await;
    let condition = client.failed().await;
    let shown = String::from_utf8_lossy(bytes.as_ref());
    let shown: String = shown.chars().take(200).collect();
    assert!(conditions.contains(&&*condition), "{condition} for {shown}");
}

async fn tags_that_do_not_match(s: &Server) {
    for bytes in [
        "<message></iq>",
        "<message><body></message></body>",
        "</message>",
        "<message a=b/>",
        "<message <presence/>",
        "<message to='a' / ></message>",
        "<message><body>a < b</body></message>",
        "<1message/>",
    ] {
        fails(s, bytes, &["not-well-formed"]).await;
    }
}

async fn text_between_stanzas(s: &Server) {
    fails(s, "stray text<presence/>", &["bad-format"]).await;
}

/// RFC 6120 §11.1.
async fn restricted_xml(s: &Server) {
    for bytes in [
        "<message><!-- a comment --></message>",
        "<!-- between stanzas -->",
        "<?php evil() ?>",
        "<message><?target data?></message>",
        "<!DOCTYPE x [<!ENTITY lol 'lol'>]>",
        "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
    ] {
        fails(s, bytes, &["restricted-xml"]).await;
    }
}

async fn undefined_entities(s: &Server) {
    for bytes in ["<message><body>&lol;</body></message>", "<message to='&lol;'/>"] {
        fails(s, bytes, &["restricted-xml"]).await;
    }
    for bytes in [
        "<message><body>&#0;</body></message>",
        "<message><body>&#xD800;</body></message>",
        "<message><body>&#x110000;</body></message>",
        "<message><body>&amp</body></message>",
    ] {
        fails(s, bytes, &["not-well-formed"]).await;
    }
}

async fn undeclared_prefixes(s: &Server) {
    for bytes in [
        "<message><a:b/></message>",
        "<message a:b='c'/>",
        "<x:message/>",
        "<message xmlns:xml='urn:wrong'/>",
        "<message xmlns:a=''><a:b/></message>",
    ] {
        fails(s, bytes, &["bad-namespace-prefix", "not-well-formed"]).await;
    }
}

async fn doubled_attributes(s: &Server) {
    for bytes in [
        "<message to='a@localhost' to='b@localhost'/>",
        "<message><x xmlns:a='urn:x' xmlns:b='urn:x' a:i='1' b:i='2'/></message>",
    ] {
        fails(s, bytes, &["not-well-formed"]).await;
    }
}

/// RFC 6120 §11.6; a character that XML does not have (§11.3) is another matter.
async fn bytes_that_are_no_utf8(s: &Server) {
    for (text, condition) in [
        (b"\xff".as_slice(), "unsupported-encoding"),
        (b"\xc0\x80", "unsupported-encoding"),
        (b"\xed\xa0\x80", "unsupported-encoding"),
        (b"\xf4\x90\x80\x80", "unsupported-encoding"),
        (b"\x01", "not-well-formed"),
        (b"\xef\xbf\xbf", "not-well-formed"),
    ] {
        let bytes = [b"<message><body>", text, b"</body></message>"].concat();
        fails(s, bytes, &[condition]).await;
    }
}

async fn an_element_before_login_that_is_too_large(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(format!("<auth xmlns='{}' mechanism='PLAIN'>", ns::SASL)).await;
    stream.send("A".repeat(20_000)).await;
    assert_eq!(stream.failed().await, "policy-violation");
}

async fn a_stanza_that_is_too_large(s: &Server) {
    let body = "x".repeat(270_000);
    fails(s, format!("<message to='localhost'><body>{body}"), &["policy-violation"]).await;

    // What is just small enough passes, and the limit counts one stanza, not the stream.
    let (mut romeo, mut juliet) = s.pair().await;
    let body = "y".repeat(250_000);
    for _ in 0..2 {
        romeo.say(juliet.jid(), &body).await;
        assert_eq!(juliet.message().await.body().map(|body| body.len()), Some(250_000));
    }
}

async fn nesting_that_is_too_deep(s: &Server) {
    fails(s, format!("<message>{}", "<a xmlns='urn:x'>".repeat(200)), &["policy-violation"]).await;
    fails(s, "<a>".repeat(50_000), &["policy-violation"]).await;
}

async fn too_many_attributes(s: &Server) {
    let attributes: String = (0..100).map(|n| format!(" a{n}=''")).collect();
    fails(s, format!("<message{attributes}/>"), &["policy-violation"]).await;
    let declarations: String = (0..100).map(|n| format!(" xmlns:a{n}='urn:x'")).collect();
    fails(s, format!("<message><x xmlns='urn:x'{declarations}/></message>"), &["policy-violation"]).await;
}

async fn an_element_that_is_no_stanza(s: &Server) {
    fails(s, "<letter><body>x</body></letter>", &["unsupported-stanza-type"]).await;
    fails(s, "<message xmlns='urn:example:other'/>", &["unsupported-stanza-type", "invalid-namespace"]).await;
}

async fn an_acknowledgement_of_no_number(s: &Server) {
    for h in ["", " h=''", " h='-1'", " h='one'", " h='4294967296'"] {
        let mut client = s.user().await;
        client.enable().await;
        client.send_raw(format!("<a xmlns='{}'{h}/>", ns::SM)).await;
        assert_eq!(client.failed().await, "invalid-xml", "{h}");
    }
}

/// RFC 6120 §8.1.2.1.
async fn a_stanza_from_somebody_else(s: &Server) {
    let mut juliet = s.user().await;
    for from in [juliet.jid().to_owned(), "localhost".to_owned()] {
        let stanza = format!("<message from='{from}' to='{}'><body>forged</body></message>", juliet.jid());
        fails(s, stanza, &["invalid-from"]).await;
    }
    juliet.nothing().await;
}

async fn what_came_before_the_fault_is_answered_before_the_error(s: &Server) {
    for (fault, condition) in [("</wrong>", "not-well-formed"), ("<letter/>", "unsupported-stanza-type")] {
        let mut client = s.user().await;
        let ping = "<iq type='get' id='last' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
        client.send_raw(format!("{ping}{fault}")).await;
        let answer = client.iq().await;
        assert_eq!((answer.attr("id"), answer.attr("type")), (Some("last"), Some("result")));
        assert_eq!(client.failed().await, condition);
    }
}

async fn a_broken_stream_harms_nobody_else(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for _ in 0..5 {
        fails(s, "<message></iq>", &["not-well-formed"]).await;
    }
    romeo.say(juliet.jid(), "still here").await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("still here"));
}
