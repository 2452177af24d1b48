//! How soon a process that was killed runs again.

use super::fleet;
use super::ground::Ground;
use super::process::{self, Pid};
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use crate::trouble::Trouble;
use rustix::process::Signal;
use std::time::Duration;

const ROUNDS: usize = 20;

/// From SIGKILL to the next process, each time another app.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let theirs = {
        let (pm2, _) = fleet::pm2(ground)?;
        let daemon = pm2.daemon()?;
        rounds(&process::children(daemon), daemon)?
    };
    let (gapless, _) = fleet::ours(ground)?;
    let ours = rounds(&gapless.instances()?, gapless.pid("control_pid")?)?;
    Ok(vec![
        Row::new("crash of a process to its respawn", Unit::Milliseconds, ours)
            .at_most(10.0)
            .beside("PM2", theirs),
    ])
}

/// The median of some rounds.
fn rounds(victims: &[Pid], watcher: Pid) -> Result<f64, Trouble> {
    let took: Result<Vec<f64>, Trouble> =
        victims.iter().take(ROUNDS).map(|victim| kill_and_wait(*victim, watcher)).collect();
    Ok(median(took?))
}

/// Milliseconds from the signal until the watcher has a new child.
fn kill_and_wait(victim: Pid, watcher: Pid) -> Result<f64, Trouble> {
    let mut known = process::all();
    process::signal(victim, Signal::KILL);
    let (took, ()) = until("a new process", Duration::from_secs(10), Duration::from_micros(100), || {
        let now = process::all();
        let found = now.difference(&known).any(|pid| process::parent(*pid) == Some(watcher));
        known.extend(now);
        found.then_some(())
    })?;
    Ok(millis(took))
}
