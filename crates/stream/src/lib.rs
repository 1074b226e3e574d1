//! One XML stream over one connection, whoever is at its other end: frames, stream errors, TLS under it.
//!
//! Negotiation and what the frames mean are for the crates above.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod input;
mod stream;
mod transport;

pub use error::StreamError;
pub use stream::{Frame, Stream, Turn, WRITE};
