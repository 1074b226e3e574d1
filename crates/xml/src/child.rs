//! An element directly inside a judged one.

use std::borrow::Cow;
use std::ops::Range;

use crate::Element;
use crate::element::Namespace;
use crate::lex::{self, Attrs, Lexer, Token};
use crate::span::Span;

/// An element directly inside an [`Element`], over that element's bytes. Everything beyond its name and place is read
/// when asked for.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    pub(crate) name: Span,
    pub(crate) namespace: Namespace,
    pub(crate) whole: Span,
}

impl Child {
    /// The local name.
    pub fn name<'e>(&self, parent: &'e Element) -> &'e str {
        parent.part(self.name)
    }

    /// The namespace name, empty for none.
    pub fn ns<'e>(&self, parent: &'e Element) -> &'e str {
        parent.namespace_name(self.namespace)
    }

    /// Whether this is the element of that name and namespace.
    #[inline]
    pub fn is(&self, parent: &Element, name: &str, ns: &str) -> bool {
        parent.part_is(self.name, name) && self.is_in(parent, ns)
    }

    /// Whether this element is in that namespace.
    #[inline]
    pub fn is_in(&self, parent: &Element, ns: &str) -> bool {
        parent.namespace_is(self.namespace, ns)
    }

    /// Where the whole element stands in [`Element::bytes`]. These bytes mean the same wherever the default namespace
    /// is `jabber:client`.
    pub fn range(&self) -> Range<usize> {
        self.whole.start as usize..self.whole.end as usize
    }

    /// The bytes of the whole element.
    pub fn bytes<'e>(&self, parent: &'e Element) -> &'e [u8] {
        parent.bytes().get(self.range()).unwrap_or(&[])
    }

    /// The value of the attribute that is written with this name: without a prefix, or `xml:lang`.
    pub fn attr<'e>(&self, parent: &'e Element, name: &str) -> Option<Cow<'e, str>> {
        let text = parent.part(self.whole);
        let mut attrs = Attrs::default();
        let Ok(Some(Token::Start { .. })) = Lexer::new(text, usize::MAX).next(&mut attrs) else {
            return None;
        };
        let attr = attrs.list.iter().find(|attr| attr.name.whole.of(text) == name)?;
        Some(attr.meant(text))
    }

    /// The character data directly inside, references resolved.
    pub fn text<'e>(&self, parent: &'e Element) -> Cow<'e, str> {
        lex::direct_text(parent.part(self.whole))
    }
}
