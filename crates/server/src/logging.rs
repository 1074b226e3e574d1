//! The log: lines on standard error.

use std::any::Any;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};
use waxwing_config::{Log, LogFormat, LogLevel};

/// Starts logging. Other crates than ours are heard from warnings on.
pub fn start(log: &Log) -> Result<(), String> {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // rustls warns of every alert, and many clients part with one.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("rustls", level.min(LevelFilter::ERROR))
        .with_target("waxwing", level);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .map_err(|error| format!("cannot start the log: {error}"))?;
    panic::set_hook(Box::new(panicked));
    Ok(())
}

/// A panic is a line of the log like any other.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, what = what(panic.payload()), "panicked");
}

/// The message as it stands in the source. One made while running may hold what a client sent, so it is not told.
fn what(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("see its place in the source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_no_body() {
        let of = |job: fn()| panic::catch_unwind(job).unwrap_err();
        assert_eq!(what(&*of(|| panic!("as written"))), "as written");
        assert!(!what(&*of(|| panic!("of {}", "juliet".repeat(2)))).contains("juliet"));
    }
}
