//! What a request costs on its way through the proxy.
//!
//! nginx with a Unix socket behind it is shown too, to tell that part of the difference apart.

use super::candidate::{Candidate, by_turns};
use super::contest::Contest;
use super::ground::Ground;
use super::pace;
use super::peer_proxy::{self, Speech};
use super::row::{Row, Unit};
use super::web::{Server, backend_config};
use super::wrk;
use crate::trouble::Trouble;
use std::time::Duration;

/// Many and short: what else the machine does for a moment then falls into one of them.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(2);

/// CPU per request when saturated, and latency at a fixed rate.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let place = tempfile::tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let socket = format!("unix:{}/backend", place.path().display());
    let _by_socket = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        let both = format!("{address}; listen {socket}");
        backend_config(directory, &both)
    })?;
    let nginx_by_socket = peer_proxy::nginx(&socket, Speech::Http1)?;
    let mut contest = Contest::begin(ground, Speech::Http1)?;
    let candidates = &mut contest.candidates;
    candidates.push(Candidate::new(
        "nginx, Unix socket",
        nginx_by_socket.address,
        nginx_by_socket.processes(),
    ));
    let figures = [
        ("CPU of the proxy per request", Unit::Microseconds),
        ("latency at 2000 requests/s, median", Unit::Microseconds),
        ("latency at 2000 requests/s, 99th percentile", Unit::Microseconds),
    ];
    let [cpu, middle, high] = by_turns(ROUNDS, figures, candidates, |one| {
        let cpu = one.cost(|address| wrk::drive(address, ROUND))?;
        let latency = pace::drive(one.address, ROUND)?;
        Ok([cpu, latency.p50, latency.p99])
    })?;
    // As both are commonly run: they reach the backend by TCP. Their third, by a Unix socket, only shows what that
    // costs.
    let peers = &["nginx", "HAProxy"];
    Ok(vec![cpu.at_most_of(0.9, peers), middle, high.at_most_of(1.0, peers)])
}
