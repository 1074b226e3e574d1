//! What came to a client, parsed, and looked at in the words of RFC 6120 §8.

use std::fmt;
use std::ops::Deref;

use minidom::Element;
use minidom::rxml::Namespace;
use waxwing_stanza::ns;

/// Stanzas in the order in which they came.
#[derive(PartialEq)]
pub struct Came(Vec<Element>);

impl Came {
    pub fn parse(xml: &str) -> Came {
        let came = format!("<came xmlns='{}'>{xml}</came>", ns::CLIENT);
        let came: Element = came.parse().unwrap_or_else(|error| panic!("{error} in {xml}"));
        assert_eq!(came.text(), "", "text between stanzas: {xml}");
        Came(came.children().cloned().collect())
    }

    /// The stanza, where one came and no other.
    #[track_caller]
    pub fn only(&self) -> &Element {
        assert_eq!(self.len(), 1, "{self:?}");
        &self[0]
    }

    /// The only stanza, without its sender, who must be this one: for comparing answers of different addresses.
    #[track_caller]
    pub fn only_from(&self, from: &str) -> Element {
        assert_eq!(self.only().from(), Some(from), "{self:?}");
        self.only().without("from")
    }

    /// The one answer to the request with the id `q`.
    #[track_caller]
    pub fn answer(&self) -> &Element {
        let answers: Vec<&Element> =
            self.iter().filter(|it| it.is("iq", ns::CLIENT) && it.attr("id") == Some("q")).collect();
        assert_eq!(answers.len(), 1, "{self:?}");
        answers[0]
    }

    /// The answer must be an empty result.
    #[track_caller]
    pub fn done(&self) {
        let answer = self.answer();
        assert_eq!((answer.kind(), answer.nodes().count()), (Some("result"), 0), "{self:?}");
    }

    /// The answer's only payload; it must be a result.
    #[track_caller]
    pub fn payload(&self, name: &str, namespace: &str) -> &Element {
        let answer = self.answer();
        assert_eq!((answer.kind(), answer.nodes().count()), (Some("result"), 1), "{self:?}");
        answer.must(name, namespace)
    }

    /// The condition of the error that was answered.
    #[track_caller]
    pub fn condition(&self) -> String {
        self.answer().condition()
    }

    /// What an answer of service discovery lists.
    #[track_caller]
    pub fn features(&self) -> Vec<&str> {
        const INFO: &str = "http://jabber.org/protocol/disco#info";
        let features = self.payload("query", INFO).children().filter(|it| it.is("feature", INFO));
        features.map(|it| it.attr("var").unwrap()).collect()
    }

    /// The bodies of the messages, not of those inside them.
    pub fn bodies(&self) -> Vec<String> {
        self.iter().filter(|it| it.is("message", ns::CLIENT)).filter_map(StanzaExt::body).collect()
    }

    /// Elements at any depth.
    pub fn all(&self, name: &str, namespace: &str) -> Vec<&Element> {
        let mut open: Vec<&Element> = self.iter().collect();
        let mut found = Vec::new();
        while let Some(element) = open.pop() {
            open.extend(element.children());
            if element.is(name, namespace) {
                found.push(element);
            }
        }
        found
    }
}

impl Deref for Came {
    type Target = [Element];

    fn deref(&self) -> &[Element] {
        &self.0
    }
}

impl<const N: usize> PartialEq<[Element; N]> for Came {
    fn eq(&self, other: &[Element; N]) -> bool {
        self.0 == other
    }
}

impl fmt::Debug for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(StanzaExt::show)).finish()
    }
}

pub trait StanzaExt {
    fn to(&self) -> Option<&str>;
    fn from(&self) -> Option<&str>;
    /// The `type` attribute.
    fn kind(&self) -> Option<&str>;
    fn body(&self) -> Option<String>;
    /// The child, or a panic that shows the element.
    fn must(&self, name: &str, namespace: &str) -> &Element;
    /// The condition of the error that the stanza must be.
    fn condition(&self) -> String;
    /// The human-readable text of that error.
    fn error_text(&self) -> String;
    /// Itself but for one attribute.
    fn without(&self, attribute: &str) -> Element;
    fn show(&self) -> String;
}

impl StanzaExt for Element {
    fn to(&self) -> Option<&str> {
        self.attr("to")
    }

    fn from(&self) -> Option<&str> {
        self.attr("from")
    }

    fn kind(&self) -> Option<&str> {
        self.attr("type")
    }

    fn body(&self) -> Option<String> {
        self.get_child("body", ns::CLIENT).map(Element::text)
    }

    #[track_caller]
    fn must(&self, name: &str, namespace: &str) -> &Element {
        let child = self.get_child(name, namespace);
        child.unwrap_or_else(|| panic!("no <{name} xmlns='{namespace}'/> in {}", self.show()))
    }

    #[track_caller]
    fn condition(&self) -> String {
        assert_eq!(self.kind(), Some("error"), "{}", self.show());
        let mut conditions = self
            .must("error", ns::CLIENT)
            .children()
            .filter(|it| it.has_ns(ns::STANZAS) && it.name() != "text");
        let condition = conditions.next().unwrap_or_else(|| panic!("no condition in {}", self.show()));
        assert!(conditions.next().is_none(), "{}", self.show());
        condition.name().to_owned()
    }

    #[track_caller]
    fn error_text(&self) -> String {
        self.must("error", ns::CLIENT).must("text", ns::STANZAS).text()
    }

    fn without(&self, attribute: &str) -> Element {
        let mut rest = self.clone();
        rest.attrs_mut().remove(&Namespace::NONE, attribute);
        rest
    }

    fn show(&self) -> String {
        String::from(self)
    }
}

/// An element as it is inside a stream.
#[track_caller]
pub fn element(xml: &str) -> Element {
    Came::parse(xml).only().clone()
}
