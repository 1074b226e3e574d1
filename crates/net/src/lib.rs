//! Sockets: listeners, the limits per address, TLS and its certificates. Knows no XMPP.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod bucket;
mod error;
mod gate;
mod listener;
mod system;
mod throttle;
pub mod tls;

pub use bucket::Bucket;
pub use error::NetError;
pub use gate::{Gate, Pass, Refused};
pub use listener::Listener;
pub use system::{raise_file_limit, unsent};
pub use throttle::{Quota, RetryAfter, Throttle, ThrottleLimits};
