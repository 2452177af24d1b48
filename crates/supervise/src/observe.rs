//! Which instances run, whoever started them.

use crate::environment::{HOME, INSTANCE, ONCE, PROBE, RELEASE};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::instance::ProcessId;
use gapless_model::{InstanceId, ReleaseId, Signal};
use gapless_sys::{PidFd, marks, process};
use std::collections::BTreeMap;
use std::io;

/// An instance that runs, as its marks tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Its process, which leads its group.
    pub process: ProcessId,
    /// The socket that it was offered, if it was.
    pub socket: Option<Utf8PathBuf>,
    /// The port that it was offered, if it was.
    pub port: Option<u16>,
}

/// Every instance of the installation at `home` that runs, by instance: found among all processes by the marks
/// in their environment. Anybody can write such marks, so of what other users run only that counts which `vouched` is
/// true for: what is known from elsewhere to have been started here.
///
/// # Errors
/// `/proc` cannot be read.
pub fn running(home: &Utf8Path, vouched: impl Fn(&Found) -> bool) -> io::Result<Vec<Found>> {
    let ours = process::user(std::process::id());
    let mut found = BTreeMap::new();
    // The first comes first: a process that an instance put into a group of its own bears the same marks, and
    // was started later.
    for (stat, environment) in marks::leaders(HOME, home.as_os_str())? {
        let id = ProcessId { pid: stat.pid, started: stat.started };
        if let Some(one) = read(id, &environment)
            && (ours.is_some() && process::user(one.process.pid) == ours || vouched(&one))
        {
            found.entry(one.instance.clone()).or_insert(one);
        }
    }
    Ok(found.into_values().collect())
}

/// Kills the commands that a control before this one ran once ([`once`](crate::once)): nobody waits for them.
///
/// # Errors
/// `/proc` cannot be read.
pub fn end_left_over(home: &Utf8Path) -> io::Result<()> {
    for (stat, environment) in marks::leaders(HOME, home.as_os_str())? {
        // It may have ended since it was read, and its number be another's: what is held is looked at once more.
        let held = environment.contains_key(ONCE).then(|| PidFd::open(stat.pid));
        if let Some(Ok(held)) = held
            && process::started(stat.pid) == Some(stat.started)
            && held.peek().is_none()
        {
            drop(gapless_sys::group::signal(stat.pid, Signal::Kill.number()));
        }
    }
    Ok(())
}

fn read(process: ProcessId, environment: &BTreeMap<String, String>) -> Option<Found> {
    if environment.contains_key(PROBE) || environment.contains_key(ONCE) {
        return None;
    }
    Some(Found {
        instance: environment.get(INSTANCE)?.parse().ok()?,
        release: environment.get(RELEASE)?.parse().ok()?,
        process,
        socket: environment.get("GAPLESS_SOCKET").map(Utf8PathBuf::from),
        port: environment.get("PORT").and_then(|port| port.parse().ok()),
    })
}
