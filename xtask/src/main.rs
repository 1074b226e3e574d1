//! What developers run: `cargo xtask test | tidy | docs | bench`.

mod bench;
mod docs;
mod setup;
mod steps;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>
  test          everything that proves the server: tidy, tests, fuzzing, conformance
  tidy          format, lints, layers, sizes and house rules
  docs          writes the generated references; --check only says whether they are up to date
  bench         what the server costs, beside its peers, into docs/benchmarks; --quick: in two minutes,
                nothing written; further arguments as of waxwing-bench";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test"] => test::run(),
        ["tidy"] => tidy::run(),
        ["docs"] => docs::write(),
        ["docs", "--check"] => docs::check(),
        ["bench", rest @ ..] => bench::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
