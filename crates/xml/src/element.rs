//! One judged top-level element over its own bytes.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::lex::{self, Name, Span};
use crate::{Child, ns};

/// A namespace name, without a copy where one is avoidable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    None,
    /// The content namespace, which is `jabber:server` too on a server stream.
    Client,
    Streams,
    Xml,
    /// As written in the frame.
    Written(Span),
    /// Index into [`Element::owned`].
    Owned(u32),
}

/// An attribute's value, without a copy where it was written as it is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Written(Span),
    /// Index into [`Element::owned`].
    Owned(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RootAttr {
    pub name: Name,
    pub value: Value,
}

/// One judged top-level element over its own bytes, made by [`crate::scan`]. Cloning and moving it is cheap.
#[derive(Clone, Debug)]
pub struct Element(pub(crate) Arc<Judged>);

/// What [`crate::scan`] found.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) name: Span,
    pub(crate) namespace: Namespace,
    /// Without namespace declarations.
    pub(crate) attrs: SmallVec<[RootAttr; 6]>,
    pub(crate) children: SmallVec<[Child; 6]>,
    pub(crate) has_text: bool,
    /// Names and values that had to be resolved: empty for an ordinary stanza.
    pub(crate) owned: Vec<Box<str>>,
}

impl Element {
    /// The whole element's bytes, which mean the same to every XML parser inside the stream they came from.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.0.bytes
    }

    /// The local name.
    pub fn name(&self) -> &str {
        self.part(self.0.name)
    }

    /// The namespace name, empty for none. On a server stream `jabber:server` is reported as `jabber:client`.
    pub fn ns(&self) -> &str {
        self.namespace_name(self.0.namespace)
    }

    /// Whether this is the element of that name and namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.part_is(self.0.name, name) && self.namespace_is(self.0.namespace, ns)
    }

    /// The value of the attribute without a prefix that has this name.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.qualified_attr(name)
    }

    /// `xml:lang`, where it stands on this element itself.
    pub fn lang(&self) -> Option<&str> {
        self.qualified_attr("xml:lang")
    }

    /// The names of all attributes as written (with their prefix, if any), without namespace declarations.
    pub fn attr_names(&self) -> impl Iterator<Item = &str> {
        self.0.attrs.iter().map(|attr| self.part(attr.name.whole))
    }

    /// The elements directly inside, in their order.
    pub fn children(&self) -> &[Child] {
        &self.0.children
    }

    /// The first element directly inside that has this name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Child> {
        self.0.children.iter().find(|child| child.is(self, name, ns))
    }

    /// Whether there is character data other than whitespace directly inside.
    pub fn has_text(&self) -> bool {
        self.0.has_text
    }

    /// The character data directly inside, references resolved.
    pub fn text(&self) -> Cow<'_, str> {
        lex::direct_text(self.part(Span::new(0, self.0.bytes.len())))
    }

    fn qualified_attr(&self, name: &str) -> Option<&str> {
        let attr = self.0.attrs.iter().find(|attr| self.part_is(attr.name.whole, name))?;
        Some(match attr.value {
            Value::Written(span) => self.part(span),
            Value::Owned(index) => self.resolved(index),
        })
    }

    /// A part of the bytes as text. Every span stands between ASCII characters, so it is never cut short.
    pub(crate) fn part(&self, span: Span) -> &str {
        let bytes = self.0.bytes.get(span.start as usize..span.end as usize).unwrap_or(&[]);
        std::str::from_utf8(bytes).unwrap_or("")
    }

    /// Whether a part of the bytes is this text. Compares bytes: many are asked for, few are what was asked for, and
    /// to make text of each would cost more than all the rest of a message's way through the modules.
    #[inline]
    pub(crate) fn part_is(&self, span: Span, text: &str) -> bool {
        self.0.bytes.get(span.start as usize..span.end as usize) == Some(text.as_bytes())
    }

    fn resolved(&self, index: u32) -> &str {
        self.0.owned.get(index as usize).map_or("", |text| text)
    }

    pub(crate) fn namespace_name(&self, namespace: Namespace) -> &str {
        match namespace {
            Namespace::None => "",
            Namespace::Client => ns::CLIENT,
            Namespace::Streams => ns::STREAMS,
            Namespace::Xml => ns::XML,
            Namespace::Written(span) => self.part(span),
            Namespace::Owned(index) => self.resolved(index),
        }
    }

    #[inline]
    pub(crate) fn namespace_is(&self, namespace: Namespace, name: &str) -> bool {
        match namespace {
            Namespace::Written(span) => self.part_is(span, name),
            _ => self.namespace_name(namespace) == name,
        }
    }
}
