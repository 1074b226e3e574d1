//! What the server costs, beside its peers: `cargo xtask bench`.
//!
//! Every scenario checks what it received; a message that is lost, comes twice or out of order fails the run. The
//! figures that count processor time are the servers' own, all threads, and hardly mind other work on the machine;
//! those that count time do.

#![cfg_attr(test, allow(clippy::expect_used))]

mod allocations;
mod bench;
mod client;
mod disk;
mod fault;
mod machine;
mod options;
mod process;
mod relay;
mod report;
mod scenarios;
mod scram;
mod server;
mod standstill;
mod syscalls;
mod tally;
mod wire;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

pub use fault::Fault;

use bench::Bench;
use options::Options;
use report::Report;

/// The domain that every server serves.
pub const DOMAIN: &str = "localhost";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [relay, certificate, address] if relay == "relay" => {
            runtime().and_then(|runtime| runtime.block_on(relay::run(Path::new(certificate), address)))
        }
        [watch] if watch == "watch" => standstill::watch_this_core(),
        _ => Options::read(&arguments).and_then(measure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: Options) -> Result<(), Fault> {
    let baseline = options.baseline.as_deref().map(Report::read).transpose()?;
    options.output.as_deref().map_or(Ok(()), Report::check)?;
    waxwing_net::raise_file_limit()?;
    if let Some(other) = &options.against {
        return runtime()?.block_on(scenarios::compare::run(&mut Bench::new(&options)?, other));
    }
    let mut report = Report::begin(&options);
    runtime()?.block_on(async {
        let mut bench = Bench::new(&options)?;
        for name in &options.scenarios {
            println!("{name}");
            let begun = Instant::now();
            scenarios::run(name, &mut bench, &mut report).await?;
            println!("  took {} s", begun.elapsed().as_secs());
        }
        Ok::<(), Fault>(())
    })?;
    for missed in report.judge() {
        println!("missed: {missed}");
    }
    if let Some(baseline) = baseline {
        print!("{}", report.since(&baseline));
    }
    match &options.output {
        Some(folder) => report.write(folder),
        None => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
