//! SASL as a server (RFC 6120 §6): SCRAM-SHA-1, -SHA-256, -SHA-512 and their -PLUS forms (RFC 5802,
//! RFC 7677), PLAIN (RFC 4616), channel-binding types (XEP-0440), SCRAM downgrade protection
//! (XEP-0474, XEP-0515), and tokens (XEP-0484). No socket, no XML and no database: messages come in and go out as decoded bytes, stored
//! keys are handed in by the caller.
//!
//! The way of a login, every step consuming the one before:
//!
//! 1. [`Offer::new`] once per stream; [`Offer::mechanisms`] and [`Offer::binding_types`] are advertised.
//! 2. [`Offer::begin`] with the mechanism and its initial response, which yields the account claimed.
//! 3. The caller loads that account's [`Keys`], which may be none.
//! 4. SCRAM: [`ScramFirst::challenge`], then [`ScramSecond::finish`]. PLAIN: [`PlainAttempt::verify`].
//! 5. [`Success`] names the account that the session belongs to. Nothing else does.
//!
//! An account that does not exist takes the same steps with keys from a [`Decoy`]: same messages, same
//! work, refused at the end like a wrong password.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod decoy;
mod device;
mod failure;
mod fast;
mod hash;
mod keys;
mod mechanism;
mod offer;
mod plain;
mod prep;
mod scram;
mod token;

pub use decoy::Decoy;
pub use device::DeviceSecret;
pub use failure::Failure;
pub use fast::{CorruptTokens, Device, FastAttempt, FastMechanism, FastSuccess, Tokens};
pub use hash::Hash;
pub use keys::{
    CorruptKeys, DEFAULT_ITERATIONS, Keys, MAX_ITERATIONS, MIN_ITERATIONS, PasswordError, Salting,
};
pub use mechanism::Mechanism;
pub use offer::{Begun, Bindings, Offer, TlsVersion};
pub use plain::PlainAttempt;
pub use prep::MAX_PASSWORD_BYTES;
pub use scram::{ScramFirst, ScramSecond};
pub use token::token;

/// Longest message taken from a client, in bytes after base64 is undone. Room for a username and an authzid
/// of 1,023 bytes a part with every character escaped; in base64 within 10 KiB.
pub const MAX_MESSAGE_BYTES: usize = 7500;

/// A login that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The account proven. It is both the authentication and the authorization identity.
    pub account: jid::BareJid,
    /// What goes into `<success/>` (RFC 6120 §6.4.6): SCRAM's server-final-message, nothing for PLAIN.
    pub data: Option<Vec<u8>>,
}
