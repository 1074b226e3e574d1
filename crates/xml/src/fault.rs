//! What is wrong with bytes.

use std::fmt;

/// What is wrong with bytes. Each ends the stream with the stream error of the same name (RFC 6120 §4.9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Well-formed, but nothing that a stream can hold: text between stanzas, another root, another XML version
    /// (§4.9.3.1).
    BadFormat,
    /// The stream header has another prefix than `stream`, or none (§4.9.3.2, §4.8.5).
    BadNamespacePrefix,
    /// The stream header's namespace or the content namespace is not one of ours (§4.9.3.10, §4.8.1).
    InvalidNamespace,
    /// Not well-formed, or not namespace-well-formed (§4.9.3.13, §11.3).
    NotWellFormed,
    /// A limit of ours, named for the log (§4.9.3.14, §13.12).
    PolicyViolation(&'static str),
    /// A comment, processing instruction, DTD or entity reference beyond the predefined five (§4.9.3.18, §11.1).
    RestrictedXml,
    /// Not UTF-8, by declaration or in fact (§4.9.3.22, §11.6).
    UnsupportedEncoding,
}

impl Fault {
    /// The name of the stream error condition's element in `urn:ietf:params:xml:ns:xmpp-streams`.
    pub fn condition(&self) -> &'static str {
        match self {
            Fault::BadFormat => "bad-format",
            Fault::BadNamespacePrefix => "bad-namespace-prefix",
            Fault::InvalidNamespace => "invalid-namespace",
            Fault::NotWellFormed => "not-well-formed",
            Fault::PolicyViolation(_) => "policy-violation",
            Fault::RestrictedXml => "restricted-xml",
            Fault::UnsupportedEncoding => "unsupported-encoding",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::PolicyViolation(limit) => write!(f, "policy-violation: {limit}"),
            other => f.write_str(other.condition()),
        }
    }
}

impl std::error::Error for Fault {}
