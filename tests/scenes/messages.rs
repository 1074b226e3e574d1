//! Messages: the delivery rules of RFC 6121 §8.5 for every type and every kind of address.

use harness::{Server, StanzaExt, scenes};

scenes! {
    []: chat_to_a_full_jid_arrives_as_sent,
}

async fn chat_to_a_full_jid_arrives_as_sent(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    romeo
        .send(format!(
            "<message to='{to}' type='chat' id='m1' xml:lang='it'><body>Ciao &amp; addio</body>\
             <x xmlns='urn:example:x' a='1'>y</x></message>"
        ))
        .await;
    let message = juliet.message().await;
    assert_eq!(message.from(), Some(romeo.jid()));
    assert_eq!(message.to(), Some(&*to));
    assert_eq!((message.kind(), message.id()), (Some("chat"), Some("m1")));
    assert_eq!(message.attr_ns("http://www.w3.org/XML/1998/namespace", "lang"), Some("it"));
    assert_eq!(message.body().as_deref(), Some("Ciao & addio"));
    let x = message.must("x", "urn:example:x");
    assert_eq!((x.attr("a"), x.text().as_str()), (Some("1"), "y"));
    romeo.nothing().await;
    juliet.nothing().await;
}
