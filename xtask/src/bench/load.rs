//! Requests beside something that happens.

use crate::trouble::Trouble;
use gapless_load::{LoadThread, Plan, Report, RequestKind, Stream};
use std::net::SocketAddr;
use std::time::Duration;

/// The longest that any of it takes.
const AT_MOST: Duration = Duration::from_secs(120);

/// Each client begins a request this often, if the one before is answered.
const PERIOD: Duration = Duration::from_millis(25);

/// Clients that keep their connections, and some that open one for each request.
pub(crate) fn mixed(target: SocketAddr) -> Plan {
    Plan::new(target, AT_MOST)
        .with(Stream::new("kept connections", 24, RequestKind::get("/")).every(PERIOD))
        .with(Stream::new("new connections", 8, RequestKind::get("/")).every(PERIOD).connecting_anew())
}

/// Clients in a tight loop, each on a connection that it keeps.
pub(crate) fn tight(target: SocketAddr, clients: u32) -> Plan {
    Plan::new(target, AT_MOST).with(Stream::new("tight", clients, RequestKind::get("/")))
}

/// What became of `plan` while something happened, and what came of that.
pub(crate) fn beside<T>(
    plan: Plan,
    happening: impl FnOnce() -> Result<T, Trouble>,
) -> Result<(T, Report), Trouble> {
    let load = LoadThread::start(plan)
        .map_err(|source| Trouble::Bench { what: format!("cannot start the load: {source}") })?;
    let happened = happening();
    let report = load.stop();
    let happened = happened?;
    if report.right == 0 {
        return Err(Trouble::Bench { what: format!("not one request was answered:\n{report}") });
    }
    Ok((happened, report))
}
