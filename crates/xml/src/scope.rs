//! What a top-level element inherits from the stream header.

use std::sync::Arc;

/// Namespace declarations of the stream header that top-level elements inherit: the content namespace as the default,
/// the prefix `stream`, and others if the header had any. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    server: bool,
    /// None in an ordinary header.
    extra: Option<Arc<[Declaration]>>,
}

/// A prefix and its namespace name.
type Declaration = (Box<str>, Box<str>);

impl Scope {
    /// An ordinary client stream: `jabber:client` and the prefix `stream`.
    pub const fn client() -> Self {
        Scope { server: false, extra: None }
    }

    /// An ordinary server stream: `jabber:server` and the prefix `stream`.
    pub const fn server() -> Self {
        Scope { server: true, extra: None }
    }

    pub(crate) fn with_prefixes(mut self, extra: Vec<Declaration>) -> Self {
        self.extra = (!extra.is_empty()).then(|| extra.into());
        self
    }

    /// Whether the content namespace is `jabber:server`.
    pub fn is_server(&self) -> bool {
        self.server
    }

    pub(crate) fn prefixes(&self) -> &[Declaration] {
        self.extra.as_deref().unwrap_or(&[])
    }
}
