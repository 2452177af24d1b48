//! Processes as the kernel has them, whatever Gapless says of them.

use crate::site::PATIENCE;
use gapless_sys::{PidFd, process};

/// SIGSTOP: it does nothing any more, and can still be killed.
pub const STOP: i32 = 19;

/// SIGCONT: it goes on.
pub const CONTINUE: i32 = 18;

/// Whether it runs: it is there and has not ended.
pub fn runs(pid: u32) -> bool {
    process::stat(pid).is_some_and(|stat| !stat.zombie)
}

/// Sends a signal.
///
/// # Panics
/// There is no such process.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn signal(pid: u32, number: i32) {
    PidFd::open(pid).unwrap().signal(number).unwrap();
}

/// Sends SIGKILL, and waits until it has ended.
///
/// # Panics
/// There is no such process.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn kill(pid: u32) {
    let held = PidFd::open(pid).unwrap();
    held.signal(9).unwrap();
    assert!(held.wait(PATIENCE).unwrap(), "process {pid} did not end by SIGKILL");
}

/// The processes that run in the group of `leader`, itself included.
///
/// # Panics
/// `/proc` cannot be read.
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn group_of(leader: u32) -> Vec<u32> {
    let all = process::all().unwrap();
    all.into_iter().filter(|stat| stat.group == leader && !stat.zombie).map(|stat| stat.pid).collect()
}
