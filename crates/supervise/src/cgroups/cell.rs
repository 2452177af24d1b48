//! The cgroup of one instance.

use super::NotInForce;
use gapless_model::{Exit, Resource, ResourceLimits};
use gapless_sys::cgroup::{Cgroup, OutOfMemory};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long killed processes may take to vanish; one that hangs in the kernel is not waited for longer.
const VANISH: Duration = Duration::from_secs(5);

/// The first pause between two looks, and the longest.
const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// In how long a share of CPU is given, in microseconds: the kernel's own (`cpu.max`).
const PERIOD: u64 = 100_000;

/// Microseconds of a period that a thousandth of a core is.
const QUOTA: u64 = PERIOD / 1000;

/// Signal number of SIGKILL.
const KILL: i32 = 9;

/// A cgroup, what it is to keep its processes to, and what had been killed in it before.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    cgroup: Cgroup,
    limits: ResourceLimits,
    before: OutOfMemory,
}

impl Cell {
    /// A new one. What is left of the same name is ended first.
    pub(super) async fn make(cgroup: Cgroup, limits: &ResourceLimits) -> Result<Self, NotInForce> {
        let this = Self::resume(cgroup, limits);
        if this.cgroup.is_there() {
            this.close().await;
        }
        match this.cgroup.make() {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let path = this.cgroup.path().to_owned();
                return Err(NotInForce::Denied { doing: "make", path, error: error.to_string() });
            }
            _ => {}
        }
        // Where it could not be removed it has a past.
        let before = this.cgroup.out_of_memory();
        Ok(Self { before, ..this })
    }

    /// One that was made for the process that is, or was, in it.
    pub(super) fn resume(cgroup: Cgroup, limits: &ResourceLimits) -> Self {
        Self { cgroup, limits: *limits, before: OutOfMemory::default() }
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        self.cgroup.path()
    }

    /// Keeps its processes to one of its limits.
    pub(super) fn impose(&self, resource: Resource) -> Result<(), NotInForce> {
        match resource {
            Resource::Memory => {
                let Some(most) = self.limits.memory else { return Ok(()) };
                self.set("memory.max", most.to_string())?;
                // Where there is swap the limit would be none. Half an instance is none either.
                if self.path().join("memory.swap.max").exists() {
                    self.set("memory.swap.max", "0".to_owned())?;
                }
                self.set("memory.oom.group", "1".to_owned())
            }
            Resource::Cpu => self
                .limits
                .cpu
                .map_or(Ok(()), |most| self.set("cpu.max", format!("{} {PERIOD}", u64::from(most) * QUOTA))),
            Resource::Pids => self.limits.pids.map_or(Ok(()), |most| self.set("pids.max", most.to_string())),
        }
    }

    fn set(&self, file: &str, value: String) -> Result<(), NotInForce> {
        self.cgroup.set(file, &value).map_err(|error| NotInForce::Refused {
            path: self.path().join(file),
            value,
            error: error.to_string(),
        })
    }

    /// How its process ended, which was `exit` to who waited for it: a kill by the kernel is not told from any other.
    pub(crate) fn told(&self, exit: Exit) -> Exit {
        let now = self.cgroup.out_of_memory();
        let killed = now.killed > self.before.killed;
        if !killed || !matches!(exit, Exit::Signal(KILL) | Exit::Unknown) {
            return exit;
        }
        let at_limit = now.at_limit > self.before.at_limit;
        Exit::OutOfMemory { limit: self.limits.memory.filter(|_| at_limit) }
    }

    /// Kills whoever is left in it, in whatever group or session, waits until they are gone, and removes it.
    pub(crate) async fn close(&self) {
        let deadline = Instant::now() + VANISH;
        let mut pause = FIRST;
        let why = loop {
            let killed = self.cgroup.kill();
            let error = match remove(&self.cgroup) {
                Ok(()) => return,
                Err(error) => killed.err().unwrap_or(error),
            };
            if error.kind() == io::ErrorKind::DirectoryNotEmpty || Instant::now() >= deadline {
                break error;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        };
        tracing::warn!("cannot remove the cgroup {}: {why}", self.path().display());
    }
}

/// Removes it with those below: root may make more in its own.
fn remove(cgroup: &Cgroup) -> io::Result<()> {
    for name in cgroup.children().unwrap_or_default() {
        remove(&cgroup.child(&name))?;
    }
    cgroup.remove()
}
