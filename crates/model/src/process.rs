//! Who a process of an app is, and what it is left.

use crate::resources::ResourceLimits;
use serde::{Deserialize, Serialize};

/// What is said of an instance's processes beside what they run. Nothing said: all as Gapless itself has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// The user that it runs as, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its group, by name or number; the user's own where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What files that it makes are not for (`umask(2)`), at most 0o777.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// How many files it may have open (`RLIMIT_NOFILE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nofile: Option<u64>,
    /// What its processes together may take.
    #[serde(default, skip_serializing_if = "ResourceLimits::are_none")]
    pub limits: ResourceLimits,
}

impl ProcessSpec {
    /// Whether nothing is said.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is a process like Gapless itself, whatever it may take.
    pub fn is_like_ours(&self) -> bool {
        Self { limits: ResourceLimits::default(), ..self.clone() }.is_plain()
    }

    /// Whether it is somebody else than Gapless: then it has a place of its own to meet by.
    pub const fn is_another(&self) -> bool {
        self.user.is_some() || self.group.is_some()
    }
}
