//! Running tools, and saying which step is at work.

use crate::trouble::Trouble;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The workspace's directory.
///
/// Cargo says at run time where the crate is, so that a moved tree does not need a new build.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Does one named step, and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<(), Trouble>) -> Result<(), Trouble> {
    eprintln!("── {name}");
    let began = Instant::now();
    work()?;
    eprintln!("── {name}: done in {}", spoken(began.elapsed()));
    Ok(())
}

/// A duration for people: `0.4s`, `12s`, `3m 05s`.
pub(crate) fn spoken(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1}s", took.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds}s"),
        seconds => format!("{}m {:02}s", seconds / 60, seconds % 60),
    }
}

/// A command in the workspace's directory, with nothing to read.
pub(crate) fn tool<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Cargo itself, the one that runs us. Frozen to the lock file where nobody could look at a change of it.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = tool(&program, arguments);
    // What cargo tells a program that it runs would confuse the builds of that program.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Whether the run is on a machine that nobody watches.
pub(crate) fn unattended() -> bool {
    std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false")
}

/// Runs a tool with its output shown; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<(), Trouble> {
    let status = status(command)?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs a tool and returns what it wrote to stdout; its stderr is shown.
pub(crate) fn capture(command: &mut Command) -> Result<Vec<u8>, Trouble> {
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Trouble::Spawn { command: words(command), source })?;
    if output.status.success() { Ok(output.stdout) } else { Err(failed(command, output.status)) }
}

/// Whether a tool is there and runs: `PROGRAM --version` succeeds.
pub(crate) fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The whole command for people.
pub(crate) fn words(command: &Command) -> String {
    let name = |program: &std::ffi::OsStr| {
        std::path::Path::new(program).file_name().map_or_else(
            || program.to_string_lossy().into_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    };
    std::iter::once(name(command.get_program()))
        .chain(command.get_args().map(|word| word.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn status(command: &mut Command) -> Result<ExitStatus, Trouble> {
    command.status().map_err(|source| Trouble::Spawn { command: words(command), source })
}

fn failed(command: &Command, status: ExitStatus) -> Trouble {
    Trouble::Failed { command: words(command), status: status.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(spoken(Duration::from_millis(440)), "0.4s");
        assert_eq!(spoken(Duration::from_secs(12)), "12s");
        assert_eq!(spoken(Duration::from_secs(185)), "3m 05s");
    }

    #[test]
    fn a_command_is_named_by_its_words() {
        assert_eq!(words(&tool("/usr/bin/node", ["--test", "x.test.js"])), "node --test x.test.js");
    }

    #[test]
    fn a_tool_that_fails_is_named_with_its_status() {
        let trouble = run(&mut tool("sh", ["-c", "exit 3"])).unwrap_err();
        assert_eq!(trouble.to_string(), "`sh -c exit 3` failed: exit status: 3");
    }

    #[test]
    fn a_tool_that_is_not_there_is_named() {
        assert!(!runs(&mut tool("gapless-no-such-tool", ["--version"])));
        let trouble = run(&mut tool("gapless-no-such-tool", [])).unwrap_err();
        assert!(trouble.to_string().starts_with("cannot run `gapless-no-such-tool`: "), "{trouble}");
    }
}
