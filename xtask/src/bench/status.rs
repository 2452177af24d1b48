//! How soon one sees what runs.

use super::fleet;
use super::ground::Ground;
use super::row::{Row, Unit, median};
use super::until::millis;
use crate::trouble::Trouble;
use std::thread::sleep;
use std::time::Duration;

/// What a start leaves to be done after it, by either, is not what is measured.
const SETTLED: Duration = Duration::from_secs(2);

/// `status` and `list` of a hundred processes.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let theirs = {
        let (pm2, _) = fleet::pm2(ground)?;
        sleep(SETTLED);
        let took: Result<Vec<f64>, Trouble> = (0..5).map(|_| Ok(millis(pm2.run(&["list"])?.0))).collect();
        median(took?)
    };
    let (gapless, _) = fleet::ours(ground)?;
    sleep(SETTLED);
    let took: Result<Vec<f64>, Trouble> = (0..20).map(|_| Ok(millis(gapless.run(&["status"])?.0))).collect();
    Ok(vec![
        Row::new("`gapless status` of 100 processes", Unit::Milliseconds, median(took?))
            .at_most(5.0)
            .beside("PM2", theirs),
    ])
}
