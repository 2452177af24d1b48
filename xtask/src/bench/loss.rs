//! What three reloads under load lose, with an app that does nothing to help.

use super::ground::Ground;
use super::load;
use super::node_app::{INSTANCES, NodeApp};
use super::row::{Row, Unit};
use super::web::free_address;
use crate::trouble::Trouble;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

const RELOADS: usize = 3;

/// Requests lost, of clients that keep their connections and of clients that open one for each request.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let app = NodeApp { address: free_address()?, boot_ms: 0, answer_ms: 20 };
    let theirs = {
        let pm2 = app.under_pm2(ground)?;
        lost_while(app.address, || (0..RELOADS).try_for_each(|_| pm2.run(&["reload", "web"]).map(|_| ())))?
    };
    let front = free_address()?;
    let gapless = app.under_gapless(ground, front)?;
    let ours =
        lost_while(front, || (0..RELOADS).try_for_each(|_| gapless.run(&["reload", "web"]).map(|_| ())))?;
    Ok(vec![
        Row::new(
            format!("requests lost in {RELOADS} reloads of {INSTANCES} Node instances under load"),
            Unit::Count,
            ours,
        )
        .at_most(0.0)
        .beside("PM2", theirs),
    ])
}

/// How many requests are lost from a second before to a second after.
fn lost_while(target: SocketAddr, happening: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let settle = Duration::from_secs(1);
    let (_, report) = load::beside(load::mixed(target), || {
        sleep(settle);
        happening()?;
        sleep(settle);
        Ok(())
    })?;
    Ok(report.lost() as f64)
}
