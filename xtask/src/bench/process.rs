//! Processes as `/proc` shows them (`proc(5)`).

use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// A process id.
pub(crate) type Pid = u32;

/// Clock ticks per second in `/proc/PID/stat`: 100 on every Linux that we know (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: u64 = 100;

/// Every process there is.
pub(crate) fn all() -> BTreeSet<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether it runs still; a zombie does not.
pub(crate) fn lives(pid: Pid) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z" && state != "X"))
}

/// The parent; none if the process is gone.
pub(crate) fn parent(pid: Pid) -> Option<Pid> {
    stat(pid)?.get(1)?.parse().ok()
}

/// CPU time that all threads of the process have used so far, dead ones too; zero if it is gone.
pub(crate) fn cpu(pid: Pid) -> Duration {
    let ticks = || {
        let fields = stat(pid)?;
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    Duration::from_millis(ticks().unwrap_or(0) * 1000 / TICKS_PER_SECOND)
}

/// Resident memory in MiB, with shared pages counted in full; zero if the process is gone.
pub(crate) fn resident(pid: Pid) -> f64 {
    let of = |file: &str, key: &str| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    // The roll-up is exact; VmRSS is counted per processor and added up late.
    of("smaps_rollup", "Rss:").or_else(|| of("status", "VmRSS:")).unwrap_or(0.0) / 1024.0
}

/// The arguments it was started with; empty if it is gone.
pub(crate) fn arguments(pid: Pid) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The processes whose parent is `pid`.
pub(crate) fn children(pid: Pid) -> Vec<Pid> {
    all().into_iter().filter(|child| parent(*child) == Some(pid)).collect()
}

/// Sends a signal; that the process is gone already is no error.
pub(crate) fn signal(pid: Pid, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The fields of `/proc/PID/stat` from the third on; the second, the name, may have anything in it.
fn stat(pid: Pid) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = text.get(text.rfind(')')? + 1..)?;
    Some(after_name.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_seen() {
        let us = std::process::id();
        assert!(all().contains(&us) && lives(us));
        assert!(resident(us) > 0.1);
        assert!(!arguments(us).is_empty());
        assert!(children(parent(us).unwrap()).contains(&us));
    }

    #[test]
    fn work_is_counted() {
        let us = std::process::id();
        let before = cpu(us);
        let began = std::time::Instant::now();
        while cpu(us) == before {
            assert!(began.elapsed() < Duration::from_secs(20), "no CPU time counted");
        }
    }

    #[test]
    fn nobody_has_nothing() {
        assert_eq!((parent(0), cpu(0), lives(0)), (None, Duration::ZERO, false));
    }
}
