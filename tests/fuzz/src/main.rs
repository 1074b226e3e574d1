//! Throws mutated input at whatever reads input from strangers, on stable Rust:
//!
//!     cargo run --release -p waxwing-fuzz -- --seconds 60
//!
//! Each target gets its share of the time. The first input that a target fails on is printed, and the way to repeat
//! it: the seed of its round, which alone decides the input.

#[path = "../../../crates/xml/tests/xml/corpus.rs"]
mod corpus;
mod mutate;
#[path = "../../../crates/xml/tests/xml/oracle.rs"]
mod oracle;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use mutate::Random;
use targets::{TARGETS, Target};

#[derive(Parser)]
struct Args {
    /// How long to try, all targets together.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Repeat the one round of this seed instead, in each of the targets.
    #[arg(long)]
    seed: Option<u64>,
    /// Targets to try; all without any.
    targets: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(unknown) = args.targets.iter().find(|name| TARGETS.iter().all(|target| target.name != **name))
    {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("no target {unknown}; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| args.targets.is_empty() || args.targets.iter().any(|name| name == target.name))
        .collect();
    let share = Duration::from_secs(args.seconds) / chosen.len() as u32;
    let mut failed = false;
    for target in chosen {
        let outcome = match args.seed {
            Some(seed) => round(target, seed).map(|()| 1),
            None => rounds(target, share),
        };
        match outcome {
            Ok(count) => println!("{}: {count} inputs, no failure", target.name),
            Err(report) => {
                eprintln!("{}: {report}", target.name);
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Rounds with seeds in a row, from a random first one, until the time is over or one fails.
fn rounds(target: &Target, time: Duration) -> Result<u64, String> {
    let first = getrandom::u64().map_err(|error| error.to_string())?;
    println!("{}: seeds from {first}", target.name);
    let end = Instant::now() + time;
    let mut count = 0;
    while Instant::now() < end {
        round(target, first.wrapping_add(count))?;
        count += 1;
    }
    Ok(count)
}

/// One input, made from the seed alone.
fn round(target: &Target, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let input = mutate::input(&mut random, target.corpus, target.pieces);
    // A panic is a failure of the target, and prints its own place.
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(&input, &mut random)));
    let complaint = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(complaint)) => complaint,
        Err(_) => "it panicked".to_owned(),
    };
    let name = target.name;
    Err(format!("{complaint}\ninput: {}\nrepeat with: --seed {seed} {name}", input.escape_ascii()))
}
