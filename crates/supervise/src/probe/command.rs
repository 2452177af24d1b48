//! Does a command about it succeed?

use crate::environment::PROBE;
use crate::group::Group;
use crate::spawn::{self, Program};
use crate::target::{Surroundings, Target};
use gapless_model::probe::ProbeAnswer;
use gapless_model::signal::Signal;
use gapless_model::{CommandLine, Exit};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// As much of the output as is shown, in bytes.
const SHOWN: usize = 200;

/// Runs `command` in the instance's directory and environment, in a process group of its own that is killed
/// when the answer is there or is not waited for any longer.
pub(super) async fn run(target: &Target, command: &CommandLine) -> ProbeAnswer {
    let error = |message| ProbeAnswer::Error { message };
    let Some(Surroundings { cwd, environment }) = &target.surroundings else {
        return error("there is nothing to run it in".to_owned());
    };
    let (mut reader, writers) = match output() {
        Ok(pipe) => pipe,
        Err(failed) => return error(format!("cannot make a pipe: {failed}")),
    };
    let mut environment = environment.clone();
    environment.insert(PROBE.to_owned(), "1".to_owned());
    let command = target.fill(command);
    let program = Program { command: &command, cwd, environment: &environment };
    let [stdout, stderr] = writers;
    let running = match spawn::start(program, stdout, stderr) {
        Ok(group) => Running(Some(group)),
        Err(message) => return error(message),
    };
    let mut shown = Vec::new();
    let exit = running.exit(&mut reader, &mut shown).await;
    match exit {
        Exit::Code(0) => ProbeAnswer::Passed,
        exit => {
            let output = String::from_utf8_lossy(&shown).trim().to_owned();
            ProbeAnswer::Command { exit: exit.to_string(), output }
        }
    }
}

/// Both streams go into one pipe, as they would to a terminal.
fn output() -> io::Result<(pipe::Receiver, [File; 2])> {
    let (reader, writer) = io::pipe()?;
    let writer = File::from(OwnedFd::from(writer));
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, [writer.try_clone()?, writer]))
}

/// The command's group, killed at the latest when it is dropped.
struct Running(Option<Group>);

impl Running {
    /// Waits for the end of the command, reading its output along; the first bytes go to `shown`.
    async fn exit(mut self, reader: &mut pipe::Receiver, shown: &mut Vec<u8>) -> Exit {
        let Some(group) = &self.0 else { return Exit::Unknown };
        let mut buffer = [0; 1024];
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                read = reader.read(&mut buffer), if open => match read {
                    Ok(length) if length > 0 => show(&buffer[..length], shown),
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

fn show(bytes: &[u8], shown: &mut Vec<u8>) {
    let room = SHOWN.saturating_sub(shown.len());
    shown.extend(&bytes[..bytes.len().min(room)]);
}
