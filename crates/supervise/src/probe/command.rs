//! Does a command about it succeed?

use crate::environment::PROBE;
use crate::once;
use crate::spawn::Program;
use crate::target::{Surroundings, Target};
use gapless_model::probe::ProbeAnswer;
use gapless_model::{CommandLine, Exit};

/// As much of the output as is shown, in bytes.
const SHOWN: usize = 200;

/// Runs `command` in the instance's directory and environment, in a process group of its own that is killed
/// when the answer is there or is not waited for any longer.
pub(super) async fn run(target: &Target, command: &CommandLine) -> ProbeAnswer {
    let error = |message| ProbeAnswer::Error { message };
    let Some(Surroundings { cwd, environment, process }) = &target.surroundings else {
        return error("there is nothing to run it in".to_owned());
    };
    let mut environment = environment.clone();
    environment.insert(PROBE.to_owned(), "1".to_owned());
    let command = target.fill(command);
    let program =
        Program { command: &command, cwd, environment: &environment, process, cgroup: None, own: &[] };
    let mut shown = Vec::new();
    match once::run(program, |bytes| show(bytes, &mut shown)).await {
        Err(message) => error(message),
        Ok(Exit::Code(0)) => ProbeAnswer::Passed,
        Ok(exit) => {
            let output = String::from_utf8_lossy(&shown).trim().to_owned();
            ProbeAnswer::Command { exit: exit.to_string(), output }
        }
    }
}

fn show(bytes: &[u8], shown: &mut Vec<u8>) {
    let room = SHOWN.saturating_sub(shown.len());
    shown.extend(&bytes[..bytes.len().min(room)]);
}
