//! The one binary: the command line, and the parts that it becomes by hidden subcommands.

use gapless_cli::Parts;
use gapless_proxy::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    gapless_cli::run(&Parts {
        keeper: gapless_keeper::run,
        control: gapless_control::control,
        proxy: |home, workers| gapless_proxy::run(Options { home: home.into(), workers, log: None }),
        spawn_keeper: |home, words| gapless_keeper::spawn(home, words).map_err(std::io::Error::other),
    })
}
