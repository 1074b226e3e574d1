//! Stream headers, good and bad.

use waxwing_xml::{Content, Fault, Scope, header, stream_header};

const NAMESPACES: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

#[test]
fn good_headers() {
    let read = |head: &str| header(head.as_bytes()).unwrap();
    let full = read(&format!(
        "<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<stream:stream from='a&amp;b' to='c' id='d' \
         version='1.0' xml:lang='en' other='e' {NAMESPACES}>"
    ));
    assert_eq!(full.from.as_deref(), Some("a&b"));
    assert_eq!(full.to.as_deref(), Some("c"));
    assert_eq!(full.id.as_deref(), Some("d"));
    assert_eq!(full.version.as_deref(), Some("1.0"));
    assert_eq!(full.lang.as_deref(), Some("en"));
    assert_eq!(full.scope, Scope::client());
    let bare = read(&format!("<stream:stream {NAMESPACES}>"));
    assert_eq!((bare.to, bare.version), (None, None));
    let server = read(&format!("<stream:stream {}>", NAMESPACES.replace("client", "server")));
    assert_eq!(server.scope.content(), Content::Server);
    let component =
        read(&format!("<stream:stream {}>", NAMESPACES.replace("jabber:client", "jabber:component:accept")));
    assert_eq!(component.scope.content(), Content::Component);
    assert_ne!(
        read(&format!("<stream:stream {NAMESPACES} xmlns:db='jabber:server:dialback'>")).scope,
        Scope::client()
    );
}

#[test]
fn our_own() {
    let mut out = Vec::new();
    stream_header(&mut out, "a.example", Some("b@a.example"), "x'<&", "en");
    let read = header(&out).unwrap();
    assert_eq!(read.from.as_deref(), Some("a.example"));
    assert_eq!(read.id.as_deref(), Some("x'<&"));
    assert_eq!(read.scope, Scope::client());
}

#[test]
fn bad_headers() {
    let streams = "http://etherx.jabber.org/streams";
    let cases: &[(&str, Fault)] = &[
        ("<stream:stream NS", Fault::NotWellFormed),
        ("<stream:stream NS><a/>", Fault::NotWellFormed),
        ("<stream:stream NS to='a' to='b'>", Fault::NotWellFormed),
        ("<stream:stream xmlns='jabber:client'>", Fault::NotWellFormed),
        ("<stream:stream NS p:a='b'>", Fault::NotWellFormed),
        ("<stream:stream NS to='&lol;'>", Fault::RestrictedXml),
        ("<stream:stream NS to='\u{1}'>", Fault::NotWellFormed),
        ("<stream:stream NS/>", Fault::BadFormat),
        ("<stream:other NS>", Fault::BadFormat),
        ("<stream:stream xmlns='jabber:client' xmlns:stream='x'>", Fault::InvalidNamespace),
        ("<stream:stream xmlns='jabber:other' xmlns:stream='STREAMS'>", Fault::InvalidNamespace),
        ("<stream:stream xmlns:stream='STREAMS'>", Fault::InvalidNamespace),
        ("<stream xmlns='jabber:client'>", Fault::InvalidNamespace),
        ("<stream>", Fault::InvalidNamespace),
        ("<stream xmlns='STREAMS'>", Fault::BadNamespacePrefix),
        ("<s:stream xmlns='jabber:client' xmlns:s='STREAMS'>", Fault::BadNamespacePrefix),
        ("<?xml version='1.1'?><stream:stream NS>", Fault::BadFormat),
        ("<?xml version='1.0' encoding='iso-8859-1'?><stream:stream NS>", Fault::UnsupportedEncoding),
        ("<?xml encoding='utf-8'?><stream:stream NS>", Fault::NotWellFormed),
        ("<?xml?><stream:stream NS>", Fault::NotWellFormed),
        ("<?xml version='1.0' version='1.0'?><stream:stream NS>", Fault::NotWellFormed),
        ("<?xml version='1.0' standalone='maybe'?><stream:stream NS>", Fault::NotWellFormed),
        ("<?xml version='1.0'encoding='utf-8'?><stream:stream NS>", Fault::NotWellFormed),
        ("<?xml-stylesheet href='a'?><stream:stream NS>", Fault::RestrictedXml),
        ("<?php echo ?><stream:stream NS>", Fault::RestrictedXml),
        ("", Fault::NotWellFormed),
    ];
    for (head, fault) in cases {
        let head = head.replace("NS", NAMESPACES).replace("STREAMS", streams);
        assert_eq!(header(head.as_bytes()), Err(*fault), "{head}");
    }
    assert_eq!(header(b"<stream:stream to='\xff'>"), Err(Fault::UnsupportedEncoding));
}
