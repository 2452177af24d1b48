//! What an upgrade of Gapless itself does to clients that keep their connections and never pause: the case in
//! which a reload of nginx or HAProxy resets some of them.

use super::gapless::Gapless;
use super::ground::Ground;
use super::load;
use super::node_app::NodeApp;
use super::peer_proxy::{Speech, nginx};
use super::process;
use super::row::{Row, Unit};
use super::web::{Server, backend_config, free_address};
use crate::trouble::Trouble;
use gapless_load::Report;
use rustix::process::Signal;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

const TIMES: usize = 8;
/// Clients in a tight loop, each on a connection that it keeps.
const CLIENTS: u32 = 24;
/// From one upgrade to the next.
const PAUSE: Duration = Duration::from_millis(500);

/// Requests lost over eight of them, and what the slowest answers took.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let app = NodeApp { address: free_address()?, boot_ms: 0, answer_ms: 5 };
    let front = free_address()?;
    let gapless = app.under_gapless(ground, front)?;
    let programs = programs(ground, &gapless)?;
    let before = under_load(front, |_| Ok(()))?;
    let meanwhile = under_load(front, |time| {
        let program = programs[time % 2].to_string_lossy();
        gapless.run(&["upgrade", "--to", &program]).map(|_| ())
    })?;
    let theirs = {
        let backend = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
            backend_config(directory, &address.to_string())
        })?;
        let nginx = nginx(&backend.address.to_string(), Speech::Http1)?;
        under_load(nginx.address, |_| {
            process::signal(nginx.pid(), Signal::HUP);
            Ok(())
        })?
    };
    let ratio = meanwhile.latency.p99_us as f64 / before.latency.p99_us.max(1) as f64;
    Ok(vec![
        Row::new(
            format!(
                "requests lost in {TIMES} upgrades of Gapless itself under {CLIENTS} tight clients (nginx: reloads)"
            ),
            Unit::Count,
            meanwhile.lost() as f64,
        )
        .at_most(0.0)
        .beside("nginx", theirs.lost() as f64),
        Row::new("p99 of the answers during these upgrades, by that before", Unit::Ratio, ratio).at_most(2.0),
        Row::new(
            "longest time without any answer during these upgrades",
            Unit::Milliseconds,
            meanwhile.longest_gap.ms as f64,
        )
        .beside("before", before.longest_gap.ms as f64),
    ])
}

/// The program twice, as two files: what runs already is not upgraded to.
fn programs(ground: &Ground, gapless: &Gapless) -> Result<[PathBuf; 2], Trouble> {
    let copy = |name: &str| {
        let path = gapless.put(name, "")?;
        let copied = fs::copy(&ground.gapless, &path)
            .and_then(|_| OpenOptions::new().append(true).open(&path)?.write_all(name.as_bytes()));
        copied.map_err(|source| Trouble::File { verb: "write", path: path.clone(), source })?;
        Ok(path)
    };
    Ok([copy("one")?, copy("two")?])
}

/// What clients see while something happens some times.
fn under_load(
    target: SocketAddr,
    mut happening: impl FnMut(usize) -> Result<(), Trouble>,
) -> Result<Report, Trouble> {
    let (_, report) = load::beside(load::tight(target, CLIENTS), || {
        sleep(PAUSE);
        (0..TIMES).try_for_each(|time| {
            happening(time)?;
            sleep(PAUSE);
            Ok(())
        })
    })?;
    Ok(report)
}
