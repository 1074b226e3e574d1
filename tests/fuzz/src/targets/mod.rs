//! What is fuzzed, and what must hold for each input.

mod authenticate;
mod jid;
mod sasl;
mod stored;
mod xml;

use crate::mutate::Random;

pub struct Target {
    pub name: &'static str,
    /// Inputs to start from.
    pub corpus: &'static [&'static [u8]],
    /// What mutations put in.
    pub pieces: &'static [&'static str],
    /// Says what is wrong. The random numbers are for what the input leaves open, such as where it is cut.
    pub check: fn(&[u8], &mut Random) -> Result<(), String>,
}

/// All targets; another reader of input that is not trusted gets its line here.
pub const TARGETS: &[Target] = &[
    xml::SPLIT,
    xml::SCAN,
    xml::HEADER,
    jid::JID,
    sasl::SASL,
    sasl::FAST,
    authenticate::AUTHENTICATE,
    stored::STORED,
];
