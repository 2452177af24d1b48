//! Cgroups for instances with limits: each has one of its own, below the one that was delegated to us.
//!
//! In that one itself may be no process once it hands controllers on (`cgroup-v2.rst`, "no internal process
//! constraint"): ours move to one beside those of the instances first. Nobody else's are ever touched; where there are
//! any, it is not ours to use.

mod cell;
mod why;

pub(crate) use cell::Cell;
pub use why::NotInForce;

use crate::environment::{HOME, INSTANCE, ONCE, PROBE};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::resources::OWN_CGROUP;
use gapless_model::{InstanceId, Resource, ResourceLimits, Unlimited, fingerprint};
use gapless_sys::cgroup::{self, Cgroup};
use gapless_sys::{marks, process};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How often what is forked meanwhile is looked for, before it is given up to move all.
const ROUNDS: u32 = 20;

/// How far up it is looked whose child a process is.
const ANCESTORS: u32 = 64;

/// The cgroup below which those of instances are, and who is who in it.
#[derive(Debug)]
pub struct Cgroups {
    home: Utf8PathBuf,
    base: Result<Cgroup, NotInForce>,
    /// Whether something starts us in `base` itself, again and again: it could not if processes were not to be there.
    started_in_base: bool,
}

impl Cgroups {
    /// Below the cgroup that this process is in. `by_manager` is whether a service manager starts us, which does so in
    /// just that.
    pub fn here(home: &Utf8Path, by_manager: bool) -> Self {
        let base =
            cgroup::of_process(std::process::id()).map_err(|error| NotInForce::Nowhere(error.to_string()));
        let inside = base.as_ref().is_ok_and(|own| own.name() == Some(OWN_CGROUP));
        let base = base.map(|own| if inside { own.parent().unwrap_or(own) } else { own });
        Self { home: home.to_owned(), base, started_in_base: by_manager && !inside }
    }

    /// Below this one.
    pub fn below(home: &Utf8Path, base: Cgroup) -> Self {
        Self { home: home.to_owned(), base: Ok(base), started_in_base: false }
    }

    /// Makes ready for such limits. Those that cannot be in force here, if any.
    pub fn lacking(&self, limits: &ResourceLimits) -> Option<Unlimited> {
        unlimited(self.prepare(&limits.resources()))
    }

    /// A new cgroup for an instance with limits, and which of them are not in force. There is none where even that
    /// cannot be.
    pub(crate) async fn make(
        &self,
        instance: &InstanceId,
        limits: &ResourceLimits,
    ) -> (Option<Cell>, Option<Unlimited>) {
        if limits.are_none() {
            return (None, None);
        }
        let mut missing = self.prepare(&limits.resources());
        let made = match self.usable() {
            Ok(base) => Cell::make(base.child(&self.name(instance)), limits).await,
            Err(why) => Err(why),
        };
        let cell = match made {
            Ok(cell) => Some(cell),
            Err(why) => {
                missing = limits.resources().into_iter().map(|resource| (resource, why.clone())).collect();
                None
            }
        };
        (cell.clone(), unlimited(self.impose(cell.as_ref(), limits, missing)))
    }

    /// The cgroup of an instance that runs already, and which of its limits are not in force.
    pub(crate) fn resume(
        &self,
        instance: &InstanceId,
        limits: &ResourceLimits,
        pid: u32,
    ) -> (Option<Cell>, Option<Unlimited>) {
        if limits.are_none() {
            return (None, None);
        }
        let name = self.name(instance);
        let below = self.base.as_ref().ok().map(|base| base.child(&name));
        let below = below.filter(|own| own.processes().is_ok_and(|all| all.contains(&pid)));
        // Who started it may have been elsewhere.
        let own = below.or_else(|| cgroup::of_process(pid).ok().filter(|own| own.name() == Some(&name)));
        let Some(own) = own else {
            let why = match self.usable() {
                // Nor could those be in force that are started anew.
                Err(why @ (NotInForce::Machine | NotInForce::Nowhere(_))) => why,
                _ => NotInForce::Before { app: instance.app().clone() },
            };
            return (None, unlimited(limits.resources().into_iter().map(|r| (r, why.clone())).collect()));
        };
        let cell = Cell::resume(own, limits);
        // Whoever made it may have had another base than we do: only what is not taken there is looked into.
        let refused: Vec<_> = limits.resources().into_iter().filter(|r| cell.impose(*r).is_err()).collect();
        let missing = if refused.is_empty() { Vec::new() } else { self.prepare(&refused) };
        let unlimited = unlimited(self.impose(Some(&cell), limits, missing));
        (Some(cell), unlimited)
    }

    /// What an instance has left that does not run any more.
    pub(crate) fn left_by(&self, instance: &InstanceId, limits: &ResourceLimits) -> Option<Cell> {
        let own = self.base.as_ref().ok()?.child(&self.name(instance));
        own.is_there().then(|| Cell::resume(own, limits))
    }

    /// Those of instances of this home that `is_known` is not true for.
    pub(crate) fn left_over(&self, is_known: impl Fn(&InstanceId) -> bool) -> Vec<Cell> {
        let Ok(base) = &self.base else { return Vec::new() };
        let tail = tail(&self.home);
        let names = base.children().unwrap_or_default().into_iter();
        let left = names.filter(|name| {
            let instance = name.strip_suffix(&tail).and_then(|name| name.parse().ok());
            instance.is_some_and(|instance| !is_known(&instance))
        });
        left.map(|name| Cell::resume(base.child(&name), &ResourceLimits::default())).collect()
    }

    /// Limits what can be; adds to `missing` what the kernel did not take.
    fn impose(
        &self,
        cell: Option<&Cell>,
        limits: &ResourceLimits,
        mut missing: Vec<(Resource, NotInForce)>,
    ) -> Vec<(Resource, NotInForce)> {
        let Some(cell) = cell else { return missing };
        for resource in limits.resources() {
            if missing.iter().all(|(other, _)| *other != resource)
                && let Err(why) = cell.impose(resource)
            {
                missing.push((resource, why));
            }
        }
        missing
    }

    /// Has the controllers of these handed on to instances. Those that cannot be, each with its reason.
    fn prepare(&self, wanted: &[Resource]) -> Vec<(Resource, NotInForce)> {
        let all = |why: &NotInForce| wanted.iter().map(|resource| (*resource, why.clone())).collect();
        let base = match self.usable() {
            Ok(base) => base,
            Err(why) => return all(&why),
        };
        let shown = || base.path().to_owned();
        let read =
            |error: io::Error| NotInForce::Denied { doing: "read", path: shown(), error: error.to_string() };
        let (offered, handed_on) = match (base.controllers().map_err(read), base.handed_on().map_err(read)) {
            (Ok(offered), Ok(handed_on)) => (offered, handed_on),
            (Err(why), _) | (_, Err(why)) => return all(&why),
        };
        let mut missing = Vec::new();
        let mut room = None;
        for resource in wanted.iter().filter(|resource| !handed_on.contains(resource.word())) {
            let handed = if offered.contains(resource.word()) {
                room.get_or_insert_with(|| self.make_room(base)).clone().and_then(|()| {
                    base.hand_on(resource.word()).map_err(|error| NotInForce::Denied {
                        doing: "share out",
                        path: shown(),
                        error: error.to_string(),
                    })
                })
            } else {
                Err(NotInForce::Controller { path: shown() })
            };
            missing.extend(handed.err().map(|why| (*resource, why)));
        }
        missing
    }

    /// The base, if nobody but us is in it.
    fn usable(&self) -> Result<&Cgroup, NotInForce> {
        let base = self.base.as_ref().map_err(Clone::clone)?;
        if base.is_machine() {
            return Err(NotInForce::Machine);
        }
        let denied = |error: io::Error| NotInForce::Denied {
            doing: "read",
            path: base.path().to_owned(),
            error: error.to_string(),
        };
        match base.processes().map_err(denied)?.into_iter().find(|pid| !self.is_ours(*pid)) {
            Some(pid) => Err(NotInForce::Shared { path: base.path().to_owned(), with: name_of(pid) }),
            None => Ok(base),
        }
    }

    /// Moves all processes of ours out of the base.
    fn make_room(&self, base: &Cgroup) -> Result<(), NotInForce> {
        if self.started_in_base {
            return Err(NotInForce::StartedThere { path: base.path().to_owned() });
        }
        let own = base.child(OWN_CGROUP);
        let denied = |doing, error: io::Error| NotInForce::Denied {
            doing,
            path: own.path().to_owned(),
            error: error.to_string(),
        };
        if !own.is_there() {
            own.make().map_err(|error| denied("make", error))?;
        }
        for _ in 0..ROUNDS {
            let inside = base.processes().map_err(|error| denied("read what is beside", error))?;
            for pid in &inside {
                // One that has ended meanwhile needs not move.
                if let Err(error) = own.take_in(*pid)
                    && process::started(*pid).is_some()
                {
                    return Err(denied("move to", error));
                }
            }
            if inside.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a process is one of Gapless in this home, or descends from one.
    fn is_ours(&self, pid: u32) -> bool {
        let mut pid = pid;
        for _ in 0..ANCESTORS {
            if pid == 0 {
                return false;
            }
            if self.is_marked(pid) {
                return true;
            }
            match process::stat(pid) {
                Some(stat) => pid = stat.parent,
                // It has ended, and is nobody's.
                None => return true,
            }
        }
        false
    }

    fn is_marked(&self, pid: u32) -> bool {
        let program = |pid: &str| std::fs::metadata(Path::new("/proc").join(pid).join("exe")).ok();
        let same = || {
            let (its, own) = (program(&pid.to_string())?, program("self")?);
            Some((its.dev(), its.ino()) == (own.dev(), own.ino()))
        };
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = words.split(|byte| *byte == 0);
        pid == std::process::id()
            || same() == Some(true)
            || words.nth(1) == Some(b"internal") && words.any(|word| word == self.home.as_str().as_bytes())
            || self.runs_for(pid)
    }

    /// Whether it is an instance, or a command that was run for one.
    fn runs_for(&self, pid: u32) -> bool {
        let environment = marks::environment(pid).unwrap_or_default();
        environment.get(HOME).is_some_and(|home| *home == self.home)
            && [INSTANCE, ONCE, PROBE].iter().any(|mark| environment.contains_key(*mark))
    }

    fn name(&self, instance: &InstanceId) -> String {
        Self::name_in(&self.home, instance)
    }

    /// What the cgroup of an instance is called that is of this home.
    pub fn name_in(home: &Utf8Path, instance: &InstanceId) -> String {
        format!("{instance}{}", tail(home))
    }
}

/// What tells this home's from another's in the same place.
fn tail(home: &Utf8Path) -> String {
    format!("@{:08x}", fingerprint(home.as_str().bytes()) & 0xffff_ffff)
}

fn unlimited(missing: Vec<(Resource, NotInForce)>) -> Option<Unlimited> {
    let mut reasons: Vec<String> = Vec::new();
    for (_, why) in &missing {
        let why = why.to_string();
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    let what: Vec<Resource> = missing.into_iter().map(|(resource, _)| resource).collect();
    (!what.is_empty()).then(|| Unlimited { what, why: reasons.join("; ") })
}

/// A process, for people.
fn name_of(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (pid {pid})", name.trim()),
        Err(_) => "a process that cannot be seen from here".to_owned(),
    }
}

#[cfg(test)]
mod tests;
