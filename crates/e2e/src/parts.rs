//! The processes of Gapless itself, to be killed.

use crate::site::{PATIENCE, Site};
use gapless_api::status::GaplessStatus;
use gapless_sys::PidFd;
use gapless_testkit::wait::wait_to_see;
use std::fmt;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It decides.
    Control,
    /// It serves.
    Proxy,
    /// It holds descriptors.
    Keeper,
}

impl Part {
    /// All that can be killed at once and must not be noticed: one or two.
    pub const AT_ONCE: [&[Self]; 6] = [
        &[Self::Control],
        &[Self::Proxy],
        &[Self::Keeper],
        &[Self::Control, Self::Proxy],
        &[Self::Keeper, Self::Control],
        &[Self::Keeper, Self::Proxy],
    ];

    /// Its process id; none while there is none.
    pub const fn pid(self, of: &GaplessStatus) -> Option<u32> {
        match self {
            Self::Control => Some(of.control_pid),
            Self::Proxy => of.proxy_pid,
            Self::Keeper => of.keeper_pid,
        }
    }
}

/// Parts that were killed.
pub struct Killed {
    parts: &'static [Part],
    before: GaplessStatus,
}

impl Killed {
    /// Kills these, all of them before any can notice that another is gone.
    ///
    /// # Panics
    /// One of them does not run.
    #[track_caller]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn now(site: &Site, parts: &'static [Part]) -> Self {
        let before = site.status().gapless;
        let held: Vec<PidFd> =
            parts.iter().map(|part| PidFd::open(part.pid(&before).unwrap()).unwrap()).collect();
        held.iter().for_each(|one| one.signal(crate::process::STOP).unwrap());
        held.iter().for_each(|one| one.signal(9).unwrap());
        assert!(held.iter().all(|one| one.wait(PATIENCE).unwrap()), "{parts:?} did not end by SIGKILL");
        Self { parts, before }
    }

    /// Whether this was one of them.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Waits until there is another one of each, and the same of what was not killed.
    ///
    /// # Panics
    /// When [`PATIENCE`] is at its end.
    #[track_caller]
    pub fn all_are_back(&self, site: &Site) {
        let is_back = |now: &GaplessStatus, part: Part| match (part.pid(&self.before), part.pid(now)) {
            (before, Some(pid)) => !self.has(part) || before != Some(pid),
            (_, None) => false,
        };
        let all = [Part::Control, Part::Proxy, Part::Keeper];
        wait_to_see(
            "all to be back",
            PATIENCE,
            || site.status().gapless,
            |now| all.into_iter().all(|p| is_back(now, p)),
        );
    }
}

impl fmt::Debug for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}
