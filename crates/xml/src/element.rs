//! One judged top-level element over its own bytes.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::lex;
use crate::span::Span;
use crate::{Child, ns};

/// A namespace name, without a copy where one is avoidable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Namespace {
    #[default]
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
    pub name: Span,
    /// See [`lex::key`].
    pub key: u32,
    pub value: Value,
}

/// One judged top-level element over its own bytes, made by [`crate::scan`]. Cloning and moving it is cheap.
#[derive(Clone, Debug)]
pub struct Element(Arc<Judged>);

/// What was judged. Made at the end, so that all of this is moved once.
#[derive(Debug)]
pub(crate) struct Judged {
    text: Box<str>,
    /// See [`Element::weight`].
    weight: usize,
    parts: Parts,
}

/// What [`crate::scan`] found.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// See [`Element::may_hold`].
    pub(crate) namespaces: u64,
    pub(crate) name: Span,
    pub(crate) namespace: Namespace,
    /// Without namespace declarations.
    pub(crate) attrs: SmallVec<[RootAttr; 4]>,
    pub(crate) children: SmallVec<[Child; 6]>,
    pub(crate) has_text: bool,
    /// Names and values that had to be resolved: empty for an ordinary stanza.
    pub(crate) owned: Vec<Box<str>>,
}

impl Parts {
    /// The element with these parts.
    #[inline]
    pub fn over(self, text: Box<str>) -> Element {
        let weight = size_of::<Judged>() + text.len() + self.outside();
        Element(Arc::new(Judged { text, weight, parts: self }))
    }

    /// The bytes that it holds on to outside itself: of an element with thousands of children far more than its text.
    #[inline]
    fn outside(&self) -> usize {
        let mut bytes = 0;
        if self.attrs.spilled() {
            bytes += self.attrs.capacity() * size_of::<RootAttr>();
        }
        if self.children.spilled() {
            bytes += self.children.capacity() * size_of::<Child>();
        }
        bytes + self.owned.iter().map(|text| text.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}

impl Element {
    /// The whole element's bytes, which mean the same to every XML parser inside the stream they came from.
    pub fn bytes(&self) -> &[u8] {
        self.0.text.as_bytes()
    }

    /// The bytes of memory that it holds on to.
    pub fn weight(&self) -> usize {
        self.0.weight
    }

    /// Whether an element directly inside may be in that namespace. `false` is certain and costs next to nothing: most
    /// of what a server looks for in a message is not there.
    #[inline]
    pub fn may_hold(&self, ns: &str) -> bool {
        self.0.parts.namespaces & namespace_bit(ns) != 0
    }

    /// The local name.
    pub fn name(&self) -> &str {
        self.part(self.0.parts.name)
    }

    /// The namespace name, empty for none. On a server stream `jabber:server` is reported as `jabber:client`.
    pub fn ns(&self) -> &str {
        self.namespace_name(self.0.parts.namespace)
    }

    /// Whether this is the element of that name and namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.part_is(self.0.parts.name, name) && self.namespace_is(self.0.parts.namespace, ns)
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
        self.0.parts.attrs.iter().map(|attr| self.part(attr.name))
    }

    /// The elements directly inside, in their order.
    pub fn children(&self) -> &[Child] {
        &self.0.parts.children
    }

    /// The first element directly inside that has this name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Child> {
        self.0.parts.children.iter().find(|child| child.is(self, name, ns))
    }

    /// Whether there is character data other than whitespace directly inside.
    pub fn has_text(&self) -> bool {
        self.0.parts.has_text
    }

    /// The character data directly inside, references resolved.
    pub fn text(&self) -> Cow<'_, str> {
        lex::direct_text(&self.0.text)
    }

    /// An attribute by itself as it was written, name and quotes included, where it was written as it is meant.
    pub(crate) fn written_attr(&self, name: &str) -> Option<&[u8]> {
        let attr = self.root_attr(name)?;
        let Value::Written(value) = attr.value else { return None };
        let whole = Span { start: attr.name.start, end: value.end + 1 };
        Some(whole.bytes(&self.0.text))
    }

    #[inline]
    fn root_attr(&self, name: &str) -> Option<&RootAttr> {
        let key = lex::key(name.as_bytes());
        self.0.parts.attrs.iter().find(|attr| attr.key == key && self.part_is(attr.name, name))
    }

    #[inline]
    pub(crate) fn qualified_attr(&self, name: &str) -> Option<&str> {
        Some(match self.root_attr(name)?.value {
            Value::Written(span) => self.part(span),
            Value::Owned(index) => self.resolved(index),
        })
    }

    /// A part of the text. Every span stands between ASCII characters, so it is never cut short.
    pub(crate) fn part(&self, span: Span) -> &str {
        span.of(&self.0.text)
    }

    #[inline]
    pub(crate) fn part_is(&self, span: Span, text: &str) -> bool {
        span.len() == text.len() && span.bytes(&self.0.text) == text.as_bytes()
    }

    fn resolved(&self, index: u32) -> &str {
        self.0.parts.owned.get(index as usize).map_or("", |text| text)
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

/// One bit for each namespace, and for many others too.
#[inline]
pub(crate) fn namespace_bit(ns: &str) -> u64 {
    // Chosen so that what a server looks for in a message falls on bits of its own.
    let bytes = ns.as_bytes();
    let byte = |at: usize| bytes.get(at).map_or(0, |&byte| usize::from(byte));
    let mixed = bytes.len() ^ (byte(bytes.len() / 2) * 4) ^ (byte(bytes.len().saturating_sub(3)) * 22);
    1 << (mixed % 64)
}
