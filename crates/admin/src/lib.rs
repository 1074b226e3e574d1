//! What an operator does with accounts and with what their users reported, while the server runs and while it does not.
//!
//! The commands are written once, against [`Operator`]. While the server runs they reach it over a socket in the data
//! folder ([`Remote`] and [`AdminServer`]), so that what is cached is told and sessions end; else they work on the
//! database themselves ([`Offline`]). Keys are always derived by the command: the server has streams to serve.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod import;
mod offline;
mod operator;
mod password;
mod push;
mod remote;
mod reports;
mod server;
mod socket;
mod wire;

pub use error::AdminError;
pub use import::{Imported, import};
pub use offline::Offline;
pub use operator::{AccountInfo, DeviceInfo, Draft, Operator, Setting};
pub use password::{PasswordSource, read_password};
pub use push::{PushInfo, PushLedger, push_registrations};
pub use remote::Remote;
pub use reports::{
    ReportContent, ReportInfo, ReportedMessage, remove_report, report, report_name, report_named, reports,
};
pub use server::AdminServer;

#[cfg(test)]
mod tests;
