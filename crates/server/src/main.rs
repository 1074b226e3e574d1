//! `waxwing`: the server and its operator's commands.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod logging;
mod operator;
mod ready;
mod reports;
mod serve;
mod storage;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use waxwing_config::{Config, Loaded};
use waxwing_net::tls::Files;

use cli::{Cli, Command, ConfigCommand};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("waxwing: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), String> {
    let loaded = Config::load(cli.config.as_deref(), cli.data.as_deref(), &cli.set)
        .map_err(|error| error.to_string())?;
    match cli.command.unwrap_or(Command::Serve { ready_file: None }) {
        Command::Serve { ready_file } => serve::serve(loaded, ready_file),
        Command::Config { command: ConfigCommand::Show } => print(&loaded.show()),
        Command::Config { command: ConfigCommand::Check } => check(&loaded),
        Command::User { command } => runtime()?.block_on(user::run(&loaded.config, command)),
        Command::Reports { command } => runtime()?.block_on(reports::run(&loaded.config, command)),
    }
}

/// What can be judged without starting anything: the configuration, and the certificates that it names.
fn check(loaded: &Loaded) -> Result<(), String> {
    check_certificates(&loaded.config)?;
    print("the configuration is valid\n")
}

/// Whether the certificates that the configuration names, if any, can be served with.
fn check_certificates(config: &Config) -> Result<(), String> {
    let tls = &config.tls;
    let common = tls.certificate.clone().zip(tls.key.clone());
    let by_host = tls.hosts.values().map(|files| (files.certificate.clone(), files.key.clone()));
    for (certificate, key) in common.into_iter().chain(by_host) {
        Files { certificate, key }.check().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Prints to standard output; a reader that has gone away (`| head`) is no failure.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(waxwing_c2s::thread_sleeps)
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))
}
