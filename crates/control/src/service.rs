//! Control as the main process of a service manager's unit (`systemd.service(5)`, `Type=notify`), without a keeper.
//!
//! The manager starts it again and keeps its descriptors, as a keeper does. It is told when control has come up, that
//! it goes down, and, as often as it wants to hear it, that the loop which decides still turns (`WatchdogSec=`).

use crate::core::Desk;
use camino::Utf8Path;
use gapless_sys::PidFd;
use gapless_sys::fdstore::Store;
use gapless_sys::lock::{Attempt, Lock, try_hold};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a keeper may take to make room.
const ROOM: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// Signal number of SIGTERM (`signal(7)`).
const TERMINATE: i32 = 15;

/// Takes the place that a keeper would have: one installation, one Gapless. None if a keeper has started us. One that
/// is there is asked to make room; what it kept running goes on, and is ours to adopt. Blocks meanwhile.
///
/// # Errors
/// Another control that nobody keeps has the place, or the keeper does not give it up.
pub(crate) fn take_place(home: &Utf8Path) -> io::Result<Option<Lock>> {
    if crate::keeper_pid().is_some() {
        return Ok(None);
    }
    let until = Instant::now() + ROOM;
    let mut asked = None;
    loop {
        let by = match try_hold(home.join("keeper.lock").as_std_path())? {
            Attempt::Held(lock) => return Ok(Some(lock)),
            Attempt::Taken { by } => by,
        };
        let taken = || {
            let by = by.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            io::Error::other(format!("another Gapless already runs {home}{by}"))
        };
        if let Some(pid) = by.filter(|pid| asked != Some(*pid)) {
            if !is_keeper(pid) {
                return Err(taken());
            }
            tracing::info!("taking over from the keeper (pid {pid})");
            PidFd::open(pid).and_then(|keeper| keeper.signal(TERMINATE)).or_else(gone)?;
            asked = Some(pid);
        }
        if Instant::now() >= until {
            return Err(taken());
        }
        std::thread::sleep(LOOK);
    }
}

/// A process that has ended meanwhile has made room.
fn gone(error: io::Error) -> io::Result<()> {
    const NO_SUCH_PROCESS: i32 = 3;
    if error.raw_os_error() == Some(NO_SUCH_PROCESS) { Ok(()) } else { Err(error) }
}

fn is_keeper(pid: u32) -> bool {
    let words = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    words.get(1..3) == Some(&[b"internal", b"keeper"])
}

/// Says that control has come up, and from then on that its loop turns. To be spawned.
pub(crate) async fn report(desk: Desk) {
    let Some(manager) = manager() else { return };
    if let Err(error) = manager.ready() {
        tracing::error!("cannot tell the service manager that control has come up: {error}");
    }
    let Some(period) = period(|name| std::env::var(name).ok(), std::process::id()) else { return };
    loop {
        // A loop that stands still does not answer, and then nothing is said.
        if desk.ask(|_| ()).await.is_err() {
            return;
        }
        if let Err(error) = manager.watchdog() {
            tracing::warn!("cannot tell the service manager that control is alive: {error}");
        }
        tokio::time::sleep(period / 2).await;
    }
}

/// Says that control goes down.
pub(crate) fn say_stopping() {
    if let Some(manager) = manager() {
        // Whoever does not hear it sees it.
        let _ = manager.stopping();
    }
}

/// Whoever keeps us, if it is not a keeper of ours.
fn manager() -> Option<Store> {
    if crate::keeper_pid().is_some() {
        return None;
    }
    Store::of_our_parent().ok().flatten()
}

/// How often the manager wants to hear that we are alive, at the least (`sd_watchdog_enabled(3)`).
fn period(variable: impl Fn(&str) -> Option<String>, pid: u32) -> Option<Duration> {
    let micros: u64 = variable("WATCHDOG_USEC")?.parse().ok().filter(|micros| *micros > 0)?;
    let for_us = variable("WATCHDOG_PID").is_none_or(|text| text.parse() == Ok(pid));
    for_us.then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_of_somebody_else_is_not_ours() {
        let environment = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(period(environment(&[]), 7), None);
        assert_eq!(period(environment(&[("WATCHDOG_USEC", "0")]), 7), None);
        let ours = environment(&[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "7")]);
        assert_eq!(period(ours, 7), Some(Duration::from_secs(2)));
        assert_eq!(period(ours, 8), None);
    }

    #[test]
    fn no_process_is_taken_for_a_keeper_that_is_none() {
        assert!(!is_keeper(std::process::id()));
        assert!(!is_keeper(u32::MAX));
    }
}
