//! What is measured.

mod archive;
mod chat;
mod growth;
mod idle;
mod login;
mod offline;
mod presence;
mod reconnect;
mod scan;

pub use chat::compare;
pub use offline::RECIPIENTS;

use crate::Fault;
use crate::bench::Bench;
use crate::report::Report;

/// In the order in which they run without being named.
pub const NAMES: &[&str] =
    &["scan", "login", "reconnect", "presence", "idle", "offline", "chat", "growth", "archive"];

/// Runs one of [`NAMES`].
pub async fn run(name: &str, bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    match name {
        "scan" => scan::run(bench, report).await,
        "login" => login::run(bench, report).await,
        "reconnect" => reconnect::run(bench, report).await,
        "presence" => presence::run(bench, report).await,
        "growth" => growth::run(bench, report).await,
        "idle" => idle::run(bench, report).await,
        "offline" => offline::run(bench, report).await,
        "archive" => archive::run(bench, report).await,
        "chat" => chat::run(bench, report).await,
        _ => Err(Fault::new(format!("no scenario {name}"))),
    }
}
