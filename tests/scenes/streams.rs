//! Streams: opening, encrypting, restarting, ending (RFC 6120 §4, §5, §7; RFC 7590).

use harness::{Event, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: the_stream_opens_with_an_xml_declaration,
        starttls_is_required_and_nothing_else_is_offered,
}

async fn the_stream_opens_with_an_xml_declaration(s: &Server) {
    let mut stream = Stream::plain(s).await;
    stream.header().await;
    let Event::Header { declared, header } = stream.event().await else { panic!("no header") };
    assert!(declared);
    assert_eq!(header.attr("from"), Some("localhost"));
    assert_eq!(header.attr("version"), Some("1.0"));
    assert!(header.id().is_some_and(|id| id.len() >= 16), "an unpredictable id (RFC 6120 §4.7.3)");
}

async fn starttls_is_required_and_nothing_else_is_offered(s: &Server) {
    let mut stream = Stream::plain(s).await;
    let features = stream.open().await;
    features.must("starttls", ns::TLS).must("required", ns::TLS);
    assert_eq!(features.children().count(), 1, "{}", features.show());
}
