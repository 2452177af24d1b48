//! How much memory we need to watch a hundred processes.

use super::fleet;
use super::ground::Ground;
use super::process;
use super::row::{Row, Unit};
use crate::trouble::Trouble;

/// Resident memory of control, and of everything of ours.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let pm2 = {
        let (pm2, _) = fleet::pm2(ground)?;
        process::resident(pm2.daemon()?)
    };
    let (gapless, _) = fleet::ours(ground)?;
    let control = process::resident(gapless.pid("control_pid")?);
    let all = gapless.own_processes().into_iter().map(process::resident).sum();
    Ok(vec![
        Row::new("memory of control with 100 processes", Unit::Mebibytes, control)
            .at_most(12.0)
            .beside("PM2", pm2),
        Row::new("memory of all our processes with 100 processes", Unit::Mebibytes, all)
            .at_most(25.0)
            .beside("PM2", pm2),
    ])
}
