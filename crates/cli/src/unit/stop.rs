//! `gapless internal unit-stop`: what the unit runs when it is stopped.
//!
//! On a stop everything ends, and begun work is finished first. On a restart it is control alone that is started again,
//! and there is no gap. systemd calls the same command for both: only the job that it is doing tells which.

use super::systemd::Manager;
use crate::internal::option;
use gapless_api::Client;
use gapless_api::request::HaltRequest;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long control may take to go once everything has ended.
const LAST_THINGS: Duration = Duration::from_secs(5);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Does it, with the words after `unit-stop`.
pub(crate) fn main(home: &Path, words: &[OsString]) -> ExitCode {
    let text = |name| option(words, name).and_then(|word| word.to_str());
    let within = text("--within").and_then(|text| gapless_config::duration(text).ok());
    let (Some(unit), Some(within)) = (text("--unit"), within) else {
        eprintln!("gapless internal unit-stop: needs --unit and --within");
        return ExitCode::from(2);
    };
    let manager = if words.iter().any(|word| word == "--user") { Manager::User } else { Manager::System };
    match manager.job(unit) {
        Ok(Some(job)) if job.contains("restart") => {
            println!("a restart: control alone is started again, and everything goes on");
            return ExitCode::SUCCESS;
        }
        Ok(Some(_)) => {}
        // Control has ended by itself, and whatever follows it is not ours to stop.
        Ok(None) => return ExitCode::SUCCESS,
        // Mostly it is called to stop, and the end of the machine would be worse than a stop.
        Err(error) => eprintln!("cannot tell a stop from a restart, so everything is stopped: {error}"),
    }
    halt(home, within)
}

fn halt(home: &Path, within: Duration) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    let client = Client::new(home);
    let halted = runtime.block_on(async {
        let answer = client.halt(HaltRequest { within_ms }).await;
        // It clears up behind itself, and whoever comes back from here would interrupt it.
        let until = Instant::now() + LAST_THINGS;
        while client.reachable().await.is_ok() && Instant::now() < until {
            sleep(LOOK).await;
        }
        answer
    });
    match halted {
        Ok(answer) => {
            println!(
                "everything has ended{}{}",
                if answer.clients_cut { "; clients were cut off" } else { "" },
                if answer.killed > 0 {
                    format!("; {} instances were killed", answer.killed)
                } else {
                    String::new()
                }
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
