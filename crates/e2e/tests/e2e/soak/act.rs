//! What is done to it.

use gapless_api::status::AppStatus;
use gapless_e2e::parts::{Killed, Part};
use gapless_e2e::{CaseApp, Outcome, Site, process, versions};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// From the begin of a rollout to the kill at most.
const ROLLOUT: Duration = Duration::from_secs(1);

/// One thing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A new version, which is a good one.
    Good,
    /// A new version that never becomes ready.
    NeverReady,
    /// A new version that crashes when it is started.
    Crashing,
    /// New processes of the same, as a whole set.
    BlueGreen,
    /// Another number of instances.
    Scale,
    /// An instance is killed.
    InstanceKilled,
    /// Parts of Gapless are killed, in the middle of a rollout or not.
    Killed { parts: &'static [Part], in_rollout: bool },
    /// Gapless itself is replaced.
    Upgrade,
}

impl Act {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good versions",
            Self::NeverReady => "never ready",
            Self::Crashing => "crashing",
            Self::BlueGreen => "blue-green",
            Self::Scale => "scaled",
            Self::InstanceKilled => "instances killed",
            Self::Killed { in_rollout: true, .. } => "kills in rollouts",
            Self::Killed { in_rollout: false, .. } => "kills",
            Self::Upgrade => "upgrades",
        }
    }

    pub(super) fn kills(self, part: Part) -> bool {
        matches!(self, Self::Killed { parts, .. } if parts.contains(&part))
    }
}

/// Where it is done.
pub(super) struct Stage<'a> {
    site: &'a Site,
    /// The files from which Gapless can run, the one that runs first.
    programs: [PathBuf; 2],
    app: CaseApp,
    version: u32,
    instances: u32,
    /// What was not done yet, so that a short run does everything once.
    first: Vec<Act>,
}

impl<'a> Stage<'a> {
    pub(super) fn begin(site: &'a Site) -> Self {
        let app = CaseApp { bake: "300ms".into(), deadline: "20s".into(), ..CaseApp::new(2) };
        app.define(site);
        let programs = versions(site);
        let _ = site.gapless_of(&programs[0], &["up"]).succeeds();
        let first = vec![
            Act::Upgrade,
            Act::InstanceKilled,
            Act::Killed { parts: &[Part::Keeper, Part::Control], in_rollout: true },
            Act::NeverReady,
            Act::BlueGreen,
            Act::Killed { parts: &[Part::Proxy], in_rollout: false },
            Act::Crashing,
            Act::Good,
        ];
        Self { site, programs, app, version: 1, instances: 2, first }
    }

    pub(super) fn choose(&mut self, dice: &mut fastrand::Rng) -> Act {
        if let Some(act) = self.first.pop() {
            return act;
        }
        let parts = Part::AT_ONCE[dice.usize(..Part::AT_ONCE.len())];
        match dice.u32(..16) {
            0..4 => Act::Good,
            4 => Act::NeverReady,
            5 => Act::Crashing,
            6..8 => Act::BlueGreen,
            8 => Act::Scale,
            9..11 => Act::InstanceKilled,
            11..13 => Act::Killed { parts, in_rollout: false },
            13..15 => Act::Killed { parts, in_rollout: true },
            _ => Act::Upgrade,
        }
    }

    /// # Panics
    /// It did not end as it should.
    pub(super) fn perform(&mut self, act: Act, dice: &mut fastrand::Rng) {
        match act {
            Act::Good => {
                self.next().define(self.site);
                let _ = self.site.gapless(&["up"]).succeeds().says(" 0 lost");
            }
            Act::NeverReady => self.refused("NEVER_READY", "1s"),
            Act::Crashing => self.refused("CRASH_AT_BOOT", "20s"),
            Act::BlueGreen => {
                let words = ["reload", "app", "--strategy", "blue-green"];
                let _ = self.site.gapless(&words).succeeds().says(" 0 lost");
            }
            Act::Scale => {
                self.instances = dice.u32(2..5);
                let _ = self.site.gapless(&["scale", "app", &self.instances.to_string()]).succeeds();
                self.app.instances = self.instances;
            }
            Act::InstanceKilled => {
                let pids: Vec<u32> = self.site.pids("app").into_values().flatten().collect();
                process::kill(pids[dice.usize(..pids.len())]);
            }
            Act::Killed { parts, in_rollout: false } => Killed::now(self.site, parts).all_are_back(self.site),
            Act::Killed { parts, in_rollout: true } => {
                let reload = self.site.begin(&["reload", "app"]);
                let moment = Instant::now() + ROLLOUT.mul_f64(dice.f64());
                std::thread::sleep(moment.saturating_duration_since(Instant::now()));
                Killed::now(self.site, parts).all_are_back(self.site);
                let _: Outcome = match reload.wait() {
                    // Control was killed between hearing of it and answering.
                    outcome if outcome.code == 4 => outcome.says("may have been done"),
                    outcome => outcome.succeeds(),
                };
            }
            Act::Upgrade => {
                self.programs.swap(0, 1);
                let _ = self.site.gapless_of(&self.programs[0], &["upgrade"]).succeeds();
            }
        }
    }

    /// Waits until the app is as it should be.
    pub(super) fn settled(&self) {
        let settled = |app: &AppStatus| {
            let n = self.instances;
            app.rollout.is_none() && app.ready == n && app.wanted == n && app.instances.len() == n as usize
        };
        self.site.wait_until("app", "its instances", settled);
    }

    /// The app with the next version.
    fn next(&mut self) -> CaseApp {
        self.version += 1;
        self.app = self.app.clone().env("VERSION", format!("v{}", self.version));
        self.app.clone()
    }

    /// A version that is taken back, by a variable that makes it bad.
    fn refused(&mut self, bad: &str, deadline: &str) {
        CaseApp { deadline: deadline.into(), ..self.next().env(bad, 1) }.define(self.site);
        let _ = self.site.gapless(&["up"]).exits(3).says("goes on serving");
    }
}
