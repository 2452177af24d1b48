//! Processes as `/proc` shows them (`proc(5)`).

use std::fs::{self, File};
use std::io::{self, Read};

/// One process, from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Process id.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// It has ended and waits for its parent to ask how (state `Z` or `X`).
    pub zombie: bool,
    /// Clock ticks after boot at which it started: with the pid, an identity that is never given twice.
    pub started: u64,
    /// CPU time in clock ticks, its own and that of its reaped children.
    pub cpu_ticks: u64,
    /// Resident pages.
    pub resident_pages: u64,
}

/// Process `pid`, zombies included; none if there is no such process.
pub fn stat(pid: u32) -> Option<Stat> {
    let mut buffer = [0; 1024];
    stat_into(pid, &mut buffer)
}

/// When process `pid` started, in clock ticks after boot (field 22); none if there is no such process.
pub fn started(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

/// The effective user of process `pid`; none if there is no such process. Not by the owner of its files in `/proc`,
/// which is root for one that hides its memory, whoever it is.
pub fn user(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // Real, effective, saved and of the file system (`proc_pid_status(5)`).
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Every process of the machine that we may see, in one pass. One that ends meanwhile is left out.
///
/// # Errors
/// `/proc` cannot be read.
pub fn all() -> io::Result<Vec<Stat>> {
    let mut buffer = [0; 1024];
    Ok(pids()?.filter_map(|pid| stat_into(pid, &mut buffer)).collect())
}

/// The ids of every process of the machine.
///
/// # Errors
/// `/proc` cannot be read.
pub(crate) fn pids() -> io::Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

fn stat_into(pid: u32, buffer: &mut [u8]) -> Option<Stat> {
    let mut file = File::open(format!("/proc/{pid}/stat")).ok()?;
    let length = file.read(buffer).ok()?;
    parse(&buffer[..length])
}

/// The second field is the program's name in parentheses and may itself hold spaces and parentheses, so the
/// fields are counted from the last `)`.
fn parse(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|b| *b == b'(')?;
    let close = line.iter().rposition(|b| *b == b')')?;
    let pid = std::str::from_utf8(&line[..open]).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = [""; 22];
    for (slot, field) in fields.iter_mut().zip(rest.split_ascii_whitespace()) {
        *slot = field;
    }
    // proc(5) counts from 1 and begins with pid and name, which are not in `fields`.
    let number = |nth: usize| fields[nth - 3].parse::<u64>().ok();
    Some(Stat {
        pid,
        zombie: matches!(fields[0], "Z" | "X"),
        parent: fields[1].parse().ok()?,
        // 0 for threads of the kernel, -1 for a process that is just being taken apart: no group either way.
        group: fields[2].parse().unwrap_or(0),
        cpu_ticks: (14..=17).map(|nth| number(nth).unwrap_or(0)).sum(),
        started: number(22)?,
        resident_pages: number(24).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"42 (a) b) (c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 987 1000 55 18446744073709551615";
        let stat = parse(line).unwrap();
        let expected = Stat {
            pid: 42,
            parent: 7,
            group: 42,
            zombie: false,
            started: 987,
            cpu_ticks: 100,
            resident_pages: 55,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn we_are_among_them() {
        let me = stat(std::process::id()).unwrap();
        assert!(me.started > 0 && me.resident_pages > 0 && !me.zombie);
        assert!(all().unwrap().iter().any(|p| (p.pid, p.started) == (me.pid, me.started)));
    }

    #[test]
    fn nobody_has_the_highest_pid() {
        assert_eq!(stat(u32::MAX), None);
        assert_eq!(user(u32::MAX), None);
        assert_eq!(user(std::process::id()), Some(rustix::process::geteuid().as_raw()));
    }
}
