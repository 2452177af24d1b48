//! What process groups use of CPU and memory.

use crate::process;
use std::collections::HashMap;
use std::io;

/// What a process group uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time so far in clock ticks ([`ticks_per_second`]), of its processes and the children they reaped.
    /// It can fall when a member ends whose parent is not in the group.
    pub cpu_ticks: u64,
    /// Resident memory in bytes; pages shared between members count once for each.
    pub memory: u64,
    /// How many processes it has, zombies left out.
    pub processes: u32,
}

/// What each of `groups` uses, in one pass over all processes however many groups are asked for. A group
/// without processes has no entry.
///
/// # Errors
/// `/proc` cannot be read.
pub fn by_group(groups: &[u32]) -> io::Result<HashMap<u32, Usage>> {
    let mut usage: HashMap<u32, Usage> = groups.iter().map(|group| (*group, Usage::default())).collect();
    let page = page_size();
    for stat in process::all()?.iter().filter(|stat| !stat.zombie) {
        if let Some(entry) = usage.get_mut(&stat.group) {
            entry.cpu_ticks += stat.cpu_ticks;
            entry.memory += stat.resident_pages * page;
            entry.processes += 1;
        }
    }
    usage.retain(|_, entry| entry.processes > 0);
    Ok(usage)
}

/// Clock ticks per second in `/proc` (`sysconf(3)`, `_SC_CLK_TCK`); 100 wherever Linux says nothing else.
pub fn ticks_per_second() -> u64 {
    system_value(libc::_SC_CLK_TCK).unwrap_or(100)
}

/// Clock ticks as milliseconds: of a [`Stat::started`](process::Stat::started) the moment on the clock of
/// [`boot_millis`](crate::clock::boot_millis), rounded down to a whole tick.
pub fn ticks_to_millis(ticks: u64) -> u64 {
    ticks.saturating_mul(1000) / ticks_per_second()
}

fn page_size() -> u64 {
    system_value(libc::_SC_PAGESIZE).unwrap_or(4096)
}

#[expect(unsafe_code, reason = "the standard library has no sysconf")]
fn system_value(name: libc::c_int) -> Option<u64> {
    // SAFETY: sysconf takes a number and touches no memory of ours.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).ok().filter(|value| *value > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn a_group_is_the_sum_of_its_members() {
        let mut child =
            Command::new("/bin/sh").args(["-c", "sleep 600 & sleep 600"]).process_group(0).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let usage = loop {
            let usage = by_group(&[child.id(), u32::MAX]).unwrap();
            let whole = usage.get(&child.id()).is_some_and(|group| group.processes == 3);
            if whole || std::time::Instant::now() > deadline {
                break usage;
            }
            std::thread::yield_now();
        };
        assert_eq!(usage.len(), 1);
        assert_eq!(usage[&child.id()].processes, 3);
        assert!(usage[&child.id()].memory > 100_000);
        crate::group::signal(child.id(), 9).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_start_time_is_on_the_boot_clock() {
        let before = crate::clock::boot_millis();
        let mut child = Command::new("/bin/true").spawn().unwrap();
        let after = crate::clock::boot_millis();
        let started = ticks_to_millis(process::started(child.id()).unwrap());
        child.wait().unwrap();
        assert!((before - 20..=after).contains(&started), "{before} {started} {after}");
    }

    #[test]
    fn work_shows_in_ticks() {
        let group = process::stat(std::process::id()).unwrap().group;
        let before = by_group(&[group]).unwrap()[&group].cpu_ticks;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while by_group(&[group]).unwrap()[&group].cpu_ticks <= before {
            assert!(std::time::Instant::now() < deadline);
        }
        assert!(ticks_per_second() >= 100);
    }
}
