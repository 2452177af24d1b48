//! Starting a program in a process group of its own.

use crate::executable;
use crate::group::Group;
use camino::Utf8Path;
use gapless_model::CommandLine;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What to start. Everything the program gets from us is in here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) command: &'a CommandLine,
    pub(crate) cwd: &'a Utf8Path,
    pub(crate) environment: &'a BTreeMap<String, String>,
}

/// Starts it with nothing on stdin.
///
/// It goes by `posix_spawn`, which does not copy our page tables as `fork` would: for that the program must be
/// an absolute path, and nothing may be run between (`std::process` falls back to `fork` otherwise).
///
/// # Errors
/// A message for people: what could not be run, and why.
pub(crate) fn start(program: Program<'_>, stdout: File, stderr: File) -> Result<Group, String> {
    let argv = program.command.argv();
    let (first, arguments) = argv.split_first().ok_or("cannot run an empty command")?;
    if !program.cwd.is_dir() {
        return Err(format!("cannot run {first:?}: its directory {} does not exist", program.cwd));
    }
    let path = program.environment.get("PATH").map(String::as_str);
    let file = executable::find(first, program.cwd, path)?;
    let child = Command::new(&file)
        .args(arguments)
        .env_clear()
        .envs(program.environment)
        .current_dir(program.cwd)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(|error| {
            format!("cannot run {first:?}: {}", explained(&error, &file.display().to_string()))
        })?;
    // Not reaped by anybody, so the pid is still its own.
    Group::hold(child.id()).map_err(|error| format!("cannot hold on to {first:?} after its start: {error}"))
}

/// What the kernel means when it refuses a file that exists and is executable (`execve(2)`).
fn explained(error: &io::Error, file: &str) -> String {
    /// `ENOEXEC`.
    const NO_FORMAT: i32 = 8;
    match error.raw_os_error() {
        Some(NO_FORMAT) => format!("{file} is no program for this machine, nor does it begin with a #! line"),
        _ if error.kind() == io::ErrorKind::NotFound => {
            format!("{file} exists, but the interpreter that it asks for does not")
        }
        _ => format!("{file}: {error}"),
    }
}
