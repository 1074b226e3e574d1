//! Bounds on what arrives.

/// Bounds on what arrives. Exceeding one is [`crate::Fault::PolicyViolation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one top-level element, or of the stream header with its XML declaration.
    pub frame: usize,
    /// Elements inside one another, the top-level element being the first.
    pub depth: usize,
    /// Attributes of one tag, namespace declarations included.
    pub attributes: usize,
}

/// Bytes of a name or an attribute value as written: the bound of the parser under minidom and xso, so that they can
/// read all that we accept. The splitter holds the markup between two values (name, `=` and whitespace) to it too.
pub const MAX_NAME: usize = 8192;

/// Namespace prefixes in scope at one place. Looking one up is a walk over them, so their number bounds its cost.
pub const MAX_PREFIXES: usize = 64;
