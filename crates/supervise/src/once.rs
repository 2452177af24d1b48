//! A program that runs to its end, once: no instance, and not started again.

use crate::environment::{HOME, ONCE, without_ours};
use crate::group::Group;
use crate::spawn::{self, Program};
use camino::Utf8Path;
use gapless_model::signal::Signal;
use gapless_model::{CommandLine, Exit, Release};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// Runs `command` where `release` is, in its environment with `more` over it, and waits for its end; `output`
/// gets what it writes to both streams. It runs in a process group of its own, which is killed when it has ended
/// or is not waited for any longer.
///
/// # Errors
/// A message for people: what could not be run, and why.
pub async fn once(
    home: &Utf8Path,
    release: &Release,
    command: &CommandLine,
    more: BTreeMap<String, String>,
    output: impl FnMut(&[u8]),
) -> Result<Exit, String> {
    let mut environment = without_ours(release)?;
    environment.insert(HOME.to_owned(), home.to_string());
    environment.insert(ONCE.to_owned(), "1".to_owned());
    environment.extend(more);
    let (cwd, process) = (&release.spec.cwd, &release.spec.process);
    run(Program { command, cwd, environment: &environment, process, cgroup: None, own: &[] }, output).await
}

/// Runs a program to its end.
pub(crate) async fn run(program: Program<'_>, mut output: impl FnMut(&[u8])) -> Result<Exit, String> {
    let (mut reader, [stdout, stderr]) = pipe().map_err(|error| format!("cannot make a pipe: {error}"))?;
    let running = Running(Some(spawn::start(program, stdout, stderr).await?));
    Ok(running.exit(&mut reader, &mut output).await)
}

/// Both streams go into one pipe, as they would to a terminal.
fn pipe() -> io::Result<(pipe::Receiver, [File; 2])> {
    let (reader, writer) = io::pipe()?;
    let writer = File::from(OwnedFd::from(writer));
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, [writer.try_clone()?, writer]))
}

/// The program's group, killed at the latest when it is dropped.
struct Running(Option<Group>);

impl Running {
    /// Waits for its end, reading its output along.
    async fn exit(mut self, reader: &mut pipe::Receiver, output: &mut impl FnMut(&[u8])) -> Exit {
        let Some(group) = &self.0 else { return Exit::Unknown };
        let mut buffer = [0; 1024];
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                read = reader.read(&mut buffer), if open => match read {
                    Ok(length) if length > 0 => output(&buffer[..length]),
                    _ => open = false,
                },
                () = group.ended() => break,
            }
        }
        // What it left running is not waited for, nor is its output.
        group.signal_all(Signal::Kill);
        self.0.take().map_or(Exit::Unknown, |group| group.reap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(group) = self.0.take() else { return };
        group.signal_all(Signal::Kill);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                group.ended().await;
                group.reap();
            });
        }
    }
}
