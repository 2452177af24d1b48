//! The project's own chores: `cargo xtask`.
//!
//! Called by people and by `.ci/run`; nothing of the product knows it. It runs real tools (cargo, npm, apt)
//! and reads what they say. It never decides anything that a user of Gapless could see.

mod arrows;
mod bench;
mod codegen;
mod files;
mod provision;
mod soak;
mod step;
mod test;
mod trouble;

use std::process::ExitCode;
use trouble::Trouble;

const USAGE: &str = "\
cargo xtask COMMAND

  test [-- FILTER…]   every check and every test; with a filter only the tests that match
  arrows              who may know whom among the crates, and what no build may contain
  files               source files that have grown too long
  bench [--only NAME] [--binary FILE] [--json]
                      how fast and how small, with the peers beside; writes docs/benchmarks.md
  soak [--seconds N]  rollouts and faults under load for an hour, or so long: what was lost, what has grown
  codegen [--check]   the reference and the schema of gapless.toml, in docs/
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("xtask: {trouble}");
            ExitCode::from(trouble.exit_code())
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Trouble> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        ["test"] | ["test", "--"] => test::everything(),
        ["test", "--", filter @ ..] => test::only(filter),
        ["arrows"] => arrows::check(),
        ["files"] => files::check(),
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["bench", wish @ ..] if bench::Wish::read(wish).is_some() => {
            bench::run(&bench::Wish::read(wish).unwrap_or_default())
        }
        ["soak"] => soak::run_all(None),
        ["soak", "--seconds", seconds] if seconds.parse::<u64>().is_ok() => soak::run_all(Some(seconds)),
        _ => Err(Trouble::Usage { given: arguments.join(" "), usage: USAGE }),
    }
}
