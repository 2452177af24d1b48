//! What the binary is made of, as the command line is told by `main`.

use camino::Utf8Path;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, ExitCode};

/// The processes of Gapless behind their hidden subcommands.
///
/// Handed in by `main`, so that the command line knows none of them: it speaks to what runs by the control
/// socket alone, as any other client does.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// `gapless internal keeper --home DIR`: keeps control, which it starts by the given words. Returns when
    /// Gapless goes down.
    pub keeper: fn(&Path, &[OsString]) -> ExitCode,
    /// `gapless internal control --home DIR`.
    pub control: fn(&Utf8Path) -> ExitCode,
    /// `gapless internal proxy --home DIR [--workers N]`; without `--workers` one worker per core that we may
    /// use. At least 1.
    pub proxy: fn(&Utf8Path, usize) -> ExitCode,
    /// What this Gapless understands, in one line of JSON, with what came of reading this copy of a journal:
    /// `gapless internal formats [--journal COPY]`.
    pub formats: fn(Option<&Utf8Path>) -> String,
    /// `gapless internal launch …`: becomes the program of an instance, by these words. Returns only if it could not.
    pub launch: fn(&[OsString]) -> ExitCode,
    /// Starts a keeper for this home in the background by the given words, and returns at once. If one runs
    /// already, the second ends by itself.
    pub spawn_keeper: fn(&Path, &[OsString]) -> io::Result<Child>,
}
