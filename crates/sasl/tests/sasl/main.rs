//! Logins through the public interface, by a client of the tests' own.

#![allow(clippy::unwrap_used)]

mod client;
mod fast;
mod hostile;
mod identity;
mod matrix;
