//! How much memory we need to watch a hundred processes.

use super::fleet;
use super::ground::Ground;
use super::process;
use super::row::{Row, Unit};
use crate::trouble::Trouble;
use std::thread::sleep;
use std::time::Duration;

/// Until what only the start needed has been given back, by whoever does that.
const AT_REST: Duration = Duration::from_secs(15);

/// Resident memory of control, and of everything of ours, at rest.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let pm2 = {
        let (pm2, _) = fleet::pm2(ground)?;
        let daemon = pm2.daemon()?;
        sleep(AT_REST);
        process::resident(daemon)
    };
    let (gapless, _) = fleet::ours(ground)?;
    sleep(AT_REST);
    let control = process::resident(gapless.pid("control_pid")?);
    let keeper = process::resident(gapless.pid("keeper_pid")?);
    let all = gapless.own_processes().into_iter().map(process::resident).sum();
    Ok(vec![
        Row::new("memory of control with 100 processes", Unit::Mebibytes, control)
            .at_most(12.0)
            .beside("PM2", pm2),
        Row::new("memory of the keeper", Unit::Mebibytes, keeper).at_most(2.0),
        Row::new("memory of all our processes with 100 processes", Unit::Mebibytes, all)
            .at_most(25.0)
            .beside("PM2", pm2),
    ])
}
