//! Starting a program in a process group of its own.

use crate::confine;
use crate::executable;
use crate::group::Group;
use camino::Utf8Path;
use gapless_model::process::ProcessSpec;
use gapless_model::{CommandLine, Signal};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// What to start. Everything the program gets from us is in here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) command: &'a CommandLine,
    pub(crate) cwd: &'a Utf8Path,
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) process: &'a ProcessSpec,
    /// The cgroup that it is in from its first moment on; none for ours.
    pub(crate) cgroup: Option<&'a Path>,
    /// Files and directories that are to be the user's that it runs as, if that is another.
    pub(crate) own: &'a [&'a Utf8Path],
}

/// How long a process of ours may take until it has become the program.
const BECOMES: Duration = Duration::from_secs(20);

/// The longest that is heard of why it did not, in bytes.
const LONGEST_WHY: u64 = 4096;

/// Starts it with nothing on stdin.
///
/// It goes by `posix_spawn`, which does not copy our page tables as `fork` would: for that the program must be
/// an absolute path, and nothing may be run between (`std::process` falls back to `fork` otherwise).
///
/// # Errors
/// A message for people: what could not be run, and why.
pub(crate) async fn start(program: Program<'_>, stdout: File, stderr: File) -> Result<Group, String> {
    let argv = program.command.argv();
    let (first, arguments) = argv.split_first().ok_or("cannot run an empty command")?;
    if !program.cwd.is_dir() {
        return Err(format!("cannot run {first:?}: its directory {} does not exist", program.cwd));
    }
    let path = program.environment.get("PATH").map(String::as_str);
    let file = executable::find(first, program.cwd, path)?;
    let (mut command, report) = if program.process.is_like_ours() && program.cgroup.is_none() {
        let mut command = Command::new(&file);
        command.stdin(Stdio::null());
        (command, None)
    } else {
        let (report, end) = io::pipe().map_err(|error| format!("cannot make a pipe: {error}"))?;
        let mut command = Command::new(confine::ourselves()?);
        command
            .args(["internal", "launch"])
            .args(confine::words(program.process, program.cgroup, program.own, &file))
            .stdin(end);
        (command, Some(report))
    };
    let child = command
        .args(arguments)
        .env_clear()
        .envs(program.environment)
        .current_dir(program.cwd)
        .process_group(0)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(|error| {
            format!("cannot run {first:?}: {}", explained(&error, &file.display().to_string()))
        })?;
    // It holds our copy of the other end of the report.
    drop(command);
    // Not reaped by anybody, so the pid is still its own.
    let group = Group::hold(child.id())
        .map_err(|error| format!("cannot hold on to {first:?} after its start: {error}"))?;
    let Some(report) = report else { return Ok(group) };
    let why = match tokio::time::timeout(BECOMES, why_not(report)).await {
        Ok(None) => return Ok(group),
        Ok(Some(why)) => why,
        Err(_) => format!("nothing became of it within {} s", BECOMES.as_secs()),
    };
    group.signal_all(Signal::Kill);
    group.ended().await;
    group.reap();
    Err(format!("cannot run {first:?}: {why}"))
}

/// What a process of ours says of why it did not become a program; none if it did.
async fn why_not(report: io::PipeReader) -> Option<String> {
    let mut said = Vec::new();
    let report = pipe::Receiver::from_owned_fd(report.into()).ok()?;
    report.take(LONGEST_WHY).read_to_end(&mut said).await.ok()?;
    (!said.is_empty()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// What the kernel means when it refuses a file that exists and is executable (`execve(2)`).
pub(crate) fn explained(error: &io::Error, file: &str) -> String {
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
