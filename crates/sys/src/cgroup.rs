//! Cgroups of version 2 (`cgroups(7)`, the kernel's `admin-guide/cgroup-v2.rst`): each a directory of small files.
//!
//! Everything goes by the directory, so that a tree in any other place can stand for the kernel's.

mod place;

pub use place::{PlaceError, of_process};

use crate::PidFd;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the kernel did to processes of a cgroup for want of memory, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutOfMemory {
    /// How often it, or one below, was about to get no memory for its own limit (`oom` in `memory.events`).
    pub at_limit: u64,
    /// How many processes in it were killed, for whosever limit (`oom_kill`).
    pub killed: u64,
}

/// A cgroup, by its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The one of this directory, whether it is there or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its own name.
    pub fn name(&self) -> Option<&str> {
        self.0.file_name()?.to_str()
    }

    /// The one that it is in.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(Self::at)
    }

    /// One in it, whether it is there or not.
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// The names of those in it.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn children(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.0)?.filter_map(Result::ok);
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        Ok(directories.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.0.is_dir()
    }

    /// Whether it is the root of the whole machine, which has no limits and no files for them.
    pub fn is_machine(&self) -> bool {
        !self.0.join("cgroup.type").exists()
    }

    /// Makes it.
    ///
    /// # Errors
    /// It is there already, or may not be made.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir(&self.0)
    }

    /// Takes it away, if it is there.
    ///
    /// # Errors
    /// `EBUSY` while there are processes in it or cgroups below.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What one of its files says, without the end of the line.
    ///
    /// # Errors
    /// It has no such file, or it may not be read.
    pub fn get(&self, file: &str) -> io::Result<String> {
        let mut text = fs::read_to_string(self.0.join(file))?;
        text.truncate(text.trim_end().len());
        Ok(text)
    }

    /// Writes one of its files, by one call.
    ///
    /// # Errors
    /// It has no such file, it may not be written, or the kernel does not want that in it.
    pub fn set(&self, file: &str, value: &str) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.0.join(file))?
            .write_all(value.as_bytes())
    }

    /// The controllers that it may hand on.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn controllers(&self) -> io::Result<BTreeSet<String>> {
        Ok(words(&self.get("cgroup.controllers")?))
    }

    /// The controllers that those in it have.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn handed_on(&self) -> io::Result<BTreeSet<String>> {
        Ok(words(&self.get("cgroup.subtree_control")?))
    }

    /// Hands a controller on to those in it.
    ///
    /// # Errors
    /// `EBUSY` while there are processes in it itself.
    pub fn hand_on(&self, controller: &str) -> io::Result<()> {
        self.set("cgroup.subtree_control", &format!("+{controller}"))
    }

    /// The processes in it itself; 0 for one of another namespace of process ids.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        Ok(self.get("cgroup.procs")?.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Has a process move into it, with all its threads.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EACCES` without the right to write both here and in the cgroup above both.
    pub fn take_in(&self, pid: u32) -> io::Result<()> {
        self.set("cgroup.procs", &pid.to_string())
    }

    /// Whether a process runs in it or below.
    pub fn is_populated(&self) -> bool {
        self.get("cgroup.events").is_ok_and(|text| count(&text, "populated") == Some(1))
    }

    /// Kills every process in it and below.
    ///
    /// # Errors
    /// It is not there, or is not ours.
    pub fn kill(&self) -> io::Result<()> {
        if self.0.join("cgroup.kill").exists() {
            return self.set("cgroup.kill", "1");
        }
        // A kernel before 5.14: whoever is forked meanwhile is met at the next call.
        for pid in self.processes()? {
            let held = PidFd::open(pid);
            if let Ok(held) = held
                && self.processes()?.contains(&pid)
            {
                let _ = held.signal(9);
            }
        }
        Ok(())
    }

    /// What was killed for want of memory; nothing where memory is not counted.
    pub fn out_of_memory(&self) -> OutOfMemory {
        let text = self.get("memory.events").unwrap_or_default();
        let of = |name: &str| count(&text, name).unwrap_or_default();
        OutOfMemory { at_limit: of("oom"), killed: of("oom_kill") }
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(|word| word.trim_start_matches('+').to_owned()).collect()
}

/// A number of a file of names and numbers.
fn count(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_the_kernel_writes_them() {
        let directory = std::env::temp_dir().join(format!("gapless-cgroup-{}", std::process::id()));
        let cgroup = Cgroup::at(&directory).child("a");
        fs::create_dir_all(cgroup.path()).unwrap();
        cgroup.set("cgroup.controllers", "cpu memory pids\n").unwrap();
        assert!(cgroup.controllers().unwrap().contains("memory"));
        cgroup.set("memory.events", "low 0\nhigh 0\nmax 31\noom 2\noom_kill 3\noom_group_kill 1\n").unwrap();
        assert_eq!(cgroup.out_of_memory(), OutOfMemory { at_limit: 2, killed: 3 });
        cgroup.set("cgroup.events", "populated 1\nfrozen 0\n").unwrap();
        assert!(cgroup.is_populated());
        cgroup.set("cgroup.events", "populated 0\nfrozen 0\n").unwrap();
        assert!(!cgroup.is_populated());
        cgroup.set("cgroup.procs", "7\n0\n12\n").unwrap();
        assert_eq!(cgroup.processes().unwrap(), [7, 0, 12]);
        assert_eq!(Cgroup::at(&directory).children().unwrap(), ["a"]);
        assert_eq!(cgroup.child("b").out_of_memory(), OutOfMemory::default());
        cgroup.child("b").remove().unwrap();
        fs::remove_dir_all(directory).unwrap();
    }
}
