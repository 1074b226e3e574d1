//! Looking at stanzas.

use minidom::Element;

/// Namespaces that scenes name often.
pub mod ns {
    pub const CLIENT: &str = "jabber:client";
    pub const COMPONENT: &str = "jabber:component:accept";
    pub const STREAM: &str = "http://etherx.jabber.org/streams";
    pub const STREAMS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
    pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
    pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
    pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
    pub const SASL2: &str = "urn:xmpp:sasl:2";
    pub const BIND2: &str = "urn:xmpp:bind:0";
    pub const FAST: &str = "urn:xmpp:fast:0";
    pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
    pub const ROSTER: &str = "jabber:iq:roster";
    pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
    pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
    pub const PING: &str = "urn:xmpp:ping";
    pub const SM: &str = "urn:xmpp:sm:3";
    pub const DELAY: &str = "urn:xmpp:delay";
    pub const STANZA_ID: &str = "urn:xmpp:sid:0";
    pub const CARBONS: &str = "urn:xmpp:carbons:2";
    pub const FORWARD: &str = "urn:xmpp:forward:0";
    pub const BLOCKING: &str = "urn:xmpp:blocking";
    pub const REGISTER: &str = "jabber:iq:register";
    pub const PRIVATE: &str = "jabber:iq:private";
    pub const LAST: &str = "jabber:iq:last";
}

/// Reading a stanza in the words of RFC 6120 §8.1.
pub trait StanzaExt {
    fn to(&self) -> Option<&str>;
    fn from(&self) -> Option<&str>;
    fn id(&self) -> Option<&str>;
    /// The `type` attribute.
    fn kind(&self) -> Option<&str>;
    fn body(&self) -> Option<String>;
    fn child(&self, name: &str, namespace: &str) -> Option<&Element>;
    /// The child, or a panic that shows the stanza.
    fn must(&self, name: &str, namespace: &str) -> &Element;
    /// `type` and condition of the stanza's error (RFC 6120 §8.3); panics when it carries none.
    fn error(&self) -> (String, String);
    /// The condition alone.
    fn condition(&self) -> String;
    fn show(&self) -> String;
}

impl StanzaExt for Element {
    fn to(&self) -> Option<&str> {
        self.attr("to")
    }

    fn from(&self) -> Option<&str> {
        self.attr("from")
    }

    fn id(&self) -> Option<&str> {
        self.attr("id")
    }

    fn kind(&self) -> Option<&str> {
        self.attr("type")
    }

    fn body(&self) -> Option<String> {
        self.child("body", ns::CLIENT).map(Element::text)
    }

    fn child(&self, name: &str, namespace: &str) -> Option<&Element> {
        self.get_child(name, namespace)
    }

    fn must(&self, name: &str, namespace: &str) -> &Element {
        self.child(name, namespace)
            .unwrap_or_else(|| panic!("no <{name} xmlns='{namespace}'/> in {}", self.show()))
    }

    fn error(&self) -> (String, String) {
        assert_eq!(self.kind(), Some("error"), "not an error: {}", self.show());
        let error = self.must("error", ns::CLIENT);
        let condition = error
            .children()
            .find(|child| child.ns() == ns::STANZAS && child.name() != "text")
            .unwrap_or_else(|| panic!("no condition in {}", self.show()));
        (error.kind().unwrap_or_default().to_owned(), condition.name().to_owned())
    }

    fn condition(&self) -> String {
        self.error().1
    }

    fn show(&self) -> String {
        String::from(self)
    }
}

/// An element from text, for comparing payloads.
pub fn element(text: &str) -> Element {
    text.parse().unwrap_or_else(|error| panic!("{error} in {text}"))
}
