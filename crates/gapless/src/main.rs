//! The one binary: the command line, and the parts that it becomes by hidden subcommands.

use gapless_cli::Parts;
use gapless_proxy::Options;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, ExitCode};

fn main() -> ExitCode {
    gapless_cli::run(&Parts {
        keeper: gapless_keeper::run,
        control: |home| gapless_control::control(home, spawn_keeper),
        proxy: |home, workers| {
            gapless_proxy::run(Options { home: home.into(), workers, log: None, look: Options::LOOK })
        },
        formats: gapless_control::formats,
        launch: gapless_control::become_program,
        spawn_keeper,
    })
}

fn spawn_keeper(home: &Path, words: &[OsString]) -> io::Result<Child> {
    gapless_keeper::spawn(home, words).map_err(io::Error::other)
}
