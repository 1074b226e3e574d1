//! What a top-level element inherits from the stream header.

use std::sync::Arc;

use crate::ns;

/// The content namespace of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `jabber:client`
    Client,
    /// `jabber:server`
    Server,
    /// `jabber:component:accept` (XEP-0114)
    Component,
}

impl Content {
    /// The namespace that counts as `jabber:client` here, where that is another.
    pub(crate) fn foreign(self) -> Option<&'static str> {
        match self {
            Content::Client => None,
            Content::Server => Some(ns::SERVER),
            Content::Component => Some(ns::COMPONENT),
        }
    }
}

/// Namespace declarations of the stream header that top-level elements inherit: the content namespace as the default,
/// the prefix `stream`, and others if the header had any. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    content: Content,
    /// None in an ordinary header.
    extra: Option<Arc<[Declaration]>>,
}

/// A prefix and its namespace name.
type Declaration = (Box<str>, Box<str>);

impl Scope {
    /// An ordinary client stream: `jabber:client` and the prefix `stream`.
    pub const fn client() -> Self {
        Scope::of(Content::Client)
    }

    /// An ordinary server stream: `jabber:server` and the prefix `stream`.
    pub const fn server() -> Self {
        Scope::of(Content::Server)
    }

    /// An ordinary stream of this content namespace, with the prefix `stream`.
    pub const fn of(content: Content) -> Self {
        Scope { content, extra: None }
    }

    pub(crate) fn with_prefixes(mut self, extra: Vec<Declaration>) -> Self {
        self.extra = (!extra.is_empty()).then(|| extra.into());
        self
    }

    pub fn content(&self) -> Content {
        self.content
    }

    pub(crate) fn prefixes(&self) -> &[Declaration] {
        self.extra.as_deref().unwrap_or(&[])
    }
}
