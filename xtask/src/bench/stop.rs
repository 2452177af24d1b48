//! How soon a hundred processes are gone.

use super::fleet;
use super::ground::Ground;
use super::process;
use super::row::{Row, Unit};
use super::until::millis;
use crate::trouble::Trouble;

/// `gapless down`, which ends Gapless too, and `pm2 delete all`, which leaves PM2.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let theirs = {
        let (pm2, _) = fleet::pm2(ground)?;
        millis(pm2.run(&["delete", "all"])?.0)
    };
    let (gapless, _) = fleet::ours(ground)?;
    let instances = gapless.instances()?;
    let took = millis(gapless.run(&["down"])?.0);
    let left = instances.iter().filter(|pid| process::lives(**pid)).count();
    if left > 0 {
        return Err(Trouble::Bench { what: format!("`gapless down` is done, but {left} processes live on") });
    }
    Ok(vec![
        Row::new("stop of 100 processes", Unit::Milliseconds, took).at_most(1000.0).beside("PM2", theirs),
    ])
}
