//! The mechanisms and their names.

use std::fmt;

use crate::Hash;

/// A mechanism that the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4616. Under TLS only.
    Plain,
    /// RFC 5802 without channel binding.
    Scram(Hash),
    /// RFC 5802 with channel binding.
    ScramPlus(Hash),
}

impl Mechanism {
    /// All of them, in the order in which they are advertised: strongest first.
    pub const ALL: [Mechanism; 7] = [
        Mechanism::ScramPlus(Hash::Sha512),
        Mechanism::ScramPlus(Hash::Sha256),
        Mechanism::ScramPlus(Hash::Sha1),
        Mechanism::Scram(Hash::Sha512),
        Mechanism::Scram(Hash::Sha256),
        Mechanism::Scram(Hash::Sha1),
        Mechanism::Plain,
    ];

    /// The name in the IANA registry.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram(Hash::Sha1) => "SCRAM-SHA-1",
            Mechanism::Scram(Hash::Sha256) => "SCRAM-SHA-256",
            Mechanism::Scram(Hash::Sha512) => "SCRAM-SHA-512",
            Mechanism::ScramPlus(Hash::Sha1) => "SCRAM-SHA-1-PLUS",
            Mechanism::ScramPlus(Hash::Sha256) => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramPlus(Hash::Sha512) => "SCRAM-SHA-512-PLUS",
        }
    }

    /// The mechanism of exactly this name; names are upper-case (RFC 4422 §3.1).
    pub fn from_name(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Whether it binds to the TLS channel.
    pub fn is_plus(self) -> bool {
        matches!(self, Mechanism::ScramPlus(_))
    }

    /// SCRAM's hash; none for PLAIN.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Mechanism::Plain => None,
            Mechanism::Scram(hash) | Mechanism::ScramPlus(hash) => Some(hash),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
