//! How soon control decides again after it was killed, with a hundred processes to find.

use super::fleet;
use super::ground::Ground;
use super::process;
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use crate::trouble::Trouble;
use rustix::process::Signal;
use std::time::Duration;

const ROUNDS: usize = 5;

/// From SIGKILL until a process that was killed at the same moment runs again: the next control has been started,
/// has read the journal, has found the others, has decided, and has acted.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let took: Result<Vec<f64>, Trouble> = (0..ROUNDS).map(|_| once(ground)).collect();
    Ok(vec![
        Row::new(
            "control killed with 100 processes, to the first act of the next",
            Unit::Milliseconds,
            median(took?),
        )
        .at_most(100.0),
    ])
}

fn once(ground: &Ground) -> Result<f64, Trouble> {
    let (gapless, _) = fleet::ours(ground)?;
    let control = gapless.pid("control_pid")?;
    let keeper = gapless.pid("keeper_pid")?;
    let instances = gapless.instances()?;
    let Some(victim) = instances.first().copied() else {
        return Err(Trouble::Bench { what: "no process runs".into() });
    };
    process::signal(control, Signal::KILL);
    process::signal(victim, Signal::KILL);
    let what = "the process to run again";
    let (took, ()) = until(what, Duration::from_secs(10), Duration::from_micros(500), || {
        let next =
            process::children(keeper).into_iter().filter(|pid| !instances.contains(pid) && *pid != control);
        next.into_iter().any(|control| !process::children(control).is_empty()).then_some(())
    })?;
    Ok(millis(took))
}
