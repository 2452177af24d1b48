//! Processes known again by what is written in their environment.

use crate::process::{self, Stat};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// The environment that process `pid` was started with; what it changed since does not show.
///
/// Values that are not UTF-8 are left out: none of ours are.
///
/// # Errors
/// There is no such process, or it is not ours to look into.
pub fn environment(pid: u32) -> io::Result<BTreeMap<String, String>> {
    let block = fs::read(format!("/proc/{pid}/environ"))?;
    Ok(block.split(|b| *b == 0).filter_map(entry).collect())
}

fn entry(bytes: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Whether process `pid` was started with `name=value` in its environment; false also if nobody may say.
pub fn bears(pid: u32, name: &str, value: &OsStr) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|block| holds(&block, name, value))
}

fn holds(block: &[u8], name: &str, value: &OsStr) -> bool {
    block.split(|b| *b == 0).any(|entry| {
        entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) == Some(value.as_bytes())
    })
}

/// The leaders of process groups that were started with `name=value` in their environment, with all of it;
/// the one that started first comes first.
///
/// # Errors
/// `/proc` cannot be read.
pub fn leaders(name: &str, value: &OsStr) -> io::Result<Vec<(Stat, BTreeMap<String, String>)>> {
    let mut found = Vec::new();
    for stat in process::all()? {
        let leads = stat.group == stat.pid && !stat.zombie;
        if leads && bears(stat.pid, name, value) {
            // Gone between two looks, or its pid is another's: then it is not one that runs.
            let Ok(environment) = environment(stat.pid) else { continue };
            if process::started(stat.pid) == Some(stat.started) {
                found.push((stat, environment));
            }
        }
    }
    found.sort_by_key(|(stat, _)| (stat.started, stat.pid));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn only_whole_entries_count() {
        let block = b"A=1\0MARK=/home/x\0B=\0";
        assert!(holds(block, "MARK", OsStr::new("/home/x")));
        assert!(holds(block, "B", OsStr::new("")));
        for (name, value) in [("MARK", "/home"), ("ARK", "/home/x"), ("MARK", "/home/x/y"), ("C", "")] {
            assert!(!holds(block, name, OsStr::new(value)), "{name}={value}");
        }
    }

    #[test]
    fn a_leader_is_found_and_its_children_are_not() {
        let mark = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        let mut child = Command::new("/bin/sh")
            .args(["-c", "sleep 600 & wait"])
            .env("GAPLESS_TEST_MARK", &mark)
            .process_group(0)
            .spawn()
            .unwrap();
        let found = leaders("GAPLESS_TEST_MARK", OsStr::new(&mark)).unwrap();
        assert_eq!(found.iter().map(|(stat, _)| stat.pid).collect::<Vec<_>>(), [child.id()]);
        assert_eq!(found[0].1["GAPLESS_TEST_MARK"], mark);
        crate::group::signal(child.id(), 9).unwrap();
        child.wait().unwrap();
    }
}
