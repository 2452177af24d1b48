//! What an instance may take of the machine.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The cgroup that processes of Gapless itself are in, beside those of instances: one that hands limits on to others
/// may have no process of its own.
pub const OWN_CGROUP: &str = "gapless-self";

/// The most that all processes of an instance together may take. The kernel sees to it (cgroups of version 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Memory in bytes; one that needs more is killed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// CPU in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

impl ResourceLimits {
    /// Whether it may take what there is.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// What is limited.
    pub fn resources(&self) -> Vec<Resource> {
        let all = [
            (Resource::Memory, self.memory.is_some()),
            (Resource::Cpu, self.cpu.is_some()),
            (Resource::Pids, self.pids.is_some()),
        ];
        all.into_iter().filter_map(|(resource, limited)| limited.then_some(resource)).collect()
    }
}

/// Something that can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Memory.
    Memory,
    /// CPU time.
    Cpu,
    /// Processes and threads.
    Pids,
}

impl Resource {
    /// Its key in the file, and the kernel's name of its controller.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }
}

/// Limits that were asked for and are not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlimited {
    /// Which; never empty.
    pub what: Vec<Resource>,
    /// Why not, for people.
    pub why: String,
}

impl Unlimited {
    /// Whether this one is not in force.
    pub fn has(&self, resource: Resource) -> bool {
        self.what.contains(&resource)
    }

    /// The keys, for people: `memory and cpu`.
    pub fn keys(&self) -> String {
        let words: Vec<_> = self.what.iter().map(|resource| resource.word()).collect();
        match words.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => words.concat(),
        }
    }
}

/// Bytes for people, exactly, as `512 MB` or `512 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 7] = [
            ("TiB", 1 << 40),
            ("TB", 1_000_000_000_000),
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
        ];
        let fits = UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match fits {
            Some((unit, factor)) => write!(f, "{} {unit}", self.0 / factor),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_they_were_written() {
        let shown = [512_000_000, 512 << 20, 1_500_000_000, 7, 0].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(shown, ["512 MB", "512 MiB", "1500 MB", "7 bytes", "0 bytes"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let keys = |what: &[Resource]| Unlimited { what: what.to_vec(), why: String::new() }.keys();
        let limits = ResourceLimits { memory: Some(1), cpu: Some(1), pids: Some(1) };
        assert_eq!(keys(&limits.resources()), "memory, cpu and pids");
        assert_eq!(keys(&[Resource::Cpu]), "cpu");
        assert!(ResourceLimits::default().are_none());
    }
}
