//! The configuration: which keys there are, what they mean, and what is in force.
//!
//! Every key is declared once, in `keys.rs`, with its text, default and bounds. The structs that the server
//! reads, the checks, [`reference`] (`docs/configuration.md`) and [`Loaded::show`] all come from there.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod declare;
mod error;
mod keys;
mod kind;
mod load;
mod reference;
mod uri;
mod values;

pub use error::ConfigError;
pub use keys::{
    Archive, ArchivePolicy, Delivery, Keepalive, Limits, Listen, Log, LogFormat, LogLevel, PushSummary,
    Registration, Sasl, Sm, Tls,
};
pub use load::{Config, Effective, Loaded};
pub use reference::reference;
pub use uri::Uri;
pub use values::{HostFiles, Origin, Secret, Storage};

#[cfg(test)]
mod tests;
