//! Client streams (RFC 6120): negotiation, the session loop, stream management (XEP-0198) and registration
//! before login (XEP-0077 §3.1).
//!
//! [`Clients::serve`] is the whole life of one connection. `login` leads from the first byte to a bound or
//! resumed session and is dropped then; `session` serves it until the stream ends. Whoever serves a session
//! owns a [`held::Held`]; when it is dropped the session is kept for a resumption or ended, never forgotten.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clients;
mod error;
mod held;
mod hibernation;
mod leases;
mod login;
mod session;
mod settings;
mod sm;
#[cfg(test)]
mod tests;
mod work;

// The stream itself is shared with other protocols.
use waxwing_stream as stream;

pub use clients::Clients;
/// `<authenticate/>` as it is read, for who throws anything at it.
pub use login::Request as Authenticate;
pub use session::thread_sleeps;
pub use settings::{Pace, Settings};
