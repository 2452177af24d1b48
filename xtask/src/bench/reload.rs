//! How long a reload of four Node instances takes, against the time that they need to boot.

use super::ground::Ground;
use super::node_app::{INSTANCES, NodeApp};
use super::process;
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use super::web::free_address;
use crate::trouble::Trouble;
use rustix::process::Signal;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

/// Apps that are up at once, and after as long as an app with a few hundred packages needs.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let mut rows = Vec::new();
    for (what, boot_ms) in [("bare Node", 0), ("Node with 500 ms of boot", 500)] {
        let app = NodeApp { address: free_address()?, boot_ms, answer_ms: 0 };
        // One after another, as `max_surge = 1` has it: as many waves as instances.
        let waves = boot_time(&app)? * f64::from(INSTANCES);
        let theirs = {
            let pm2 = app.under_pm2(ground)?;
            reloads(|| Ok(pm2.run(&["reload", "web"])?.0))?
        };
        let gapless = app.under_gapless(ground, free_address()?)?;
        let ours = reloads(|| Ok(gapless.run(&["reload", "web"])?.0))?;
        rows.push(
            Row::new(format!("reload of {INSTANCES} × {what}"), Unit::Milliseconds, ours)
                .beside("boot of its waves", waves)
                .beside("PM2", theirs),
        );
        rows.push(
            Row::new("the same, to the boot of its waves", Unit::Ratio, ours / waves)
                .at_most(1.3)
                .beside("PM2", theirs / waves),
        );
    }
    Ok(rows)
}

/// Milliseconds of the middle one of some reloads.
fn reloads(reload: impl Fn() -> Result<Duration, Trouble>) -> Result<f64, Trouble> {
    let took: Result<Vec<f64>, Trouble> = (0..ROUNDS).map(|_| reload().map(millis)).collect();
    Ok(median(took?))
}

/// Milliseconds from the spawn of the bare app until it answers: the middle one of some.
fn boot_time(app: &NodeApp) -> Result<f64, Trouble> {
    let place = tempfile::tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let path = place.path().join("app.js");
    std::fs::write(&path, app.source()).map_err(|source| Trouble::File {
        verb: "write",
        path: path.clone(),
        source,
    })?;
    let took: Result<Vec<f64>, Trouble> = (0..ROUNDS).map(|_| boot_once(&path, app.address)).collect();
    Ok(median(took?))
}

fn boot_once(app: &Path, address: SocketAddr) -> Result<f64, Trouble> {
    let began = Instant::now();
    let mut child = Command::new("node")
        .arg(app)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| Trouble::Spawn { command: "node app.js".into(), source })?;
    let answered = until("the app answers", Duration::from_secs(20), Duration::from_millis(1), || {
        TcpStream::connect(address).ok()
    });
    let took = millis(began.elapsed());
    process::signal(child.id(), Signal::KILL);
    // It was killed just now: nothing to learn from how it ended.
    let _ = child.wait();
    answered.map(|_| took)
}
