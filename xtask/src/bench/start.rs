//! How soon a hundred processes run.

use super::fleet;
use super::ground::Ground;
use super::row::{Row, Unit, median};
use super::until::millis;
use crate::trouble::Trouble;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 3;

/// From the command to all ready, and what the bare system needs for as many processes.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let (mut ours, mut pm2, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(spawn_bare()?);
        pm2.push(millis(fleet::pm2(ground)?.1));
        ours.push(millis(fleet::ours(ground)?.1));
    }
    Ok(vec![
        Row::new(
            "start of 100 processes from a file, Gapless itself included",
            Unit::Milliseconds,
            median(ours),
        )
        .at_most(300.0)
        .beside("PM2", median(pm2))
        .beside("plain spawn", median(bare)),
    ])
}

/// Milliseconds to spawn as many from here, one after another.
fn spawn_bare() -> Result<f64, Trouble> {
    let mut children: Vec<Child> = Vec::new();
    let began = Instant::now();
    let spawned: Result<(), Trouble> = (0..fleet::SIZE).try_for_each(|_| {
        let child = Command::new("sleep").arg("3600").stdin(Stdio::null()).spawn();
        children.push(child.map_err(|source| Trouble::Spawn { command: "sleep 3600".into(), source })?);
        Ok(())
    });
    let took = millis(began.elapsed());
    for mut child in children {
        // It is there, or has ended: either way it is gone after this.
        let _ = child.kill();
        let _ = child.wait();
    }
    spawned.map(|()| took)
}
