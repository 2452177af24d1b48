//! What all changes add up to.

use crate::change::Change;
use crate::record::{AppRecord, InstanceRecord, RolloutRecord};
use gapless_model::{AppName, Generation, InstanceId, Release, ReleaseId, RolloutId};
use std::collections::BTreeMap;

/// All that is known, as far as a restarted control needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The apps.
    pub apps: BTreeMap<AppName, AppRecord>,
    /// Their releases.
    pub releases: BTreeMap<(AppName, ReleaseId), Release>,
    /// Rollouts in progress, and the last ended one of each app. Older ones are history, see
    /// [`Journal::receipts`](crate::Journal::receipts).
    pub rollouts: BTreeMap<RolloutId, RolloutRecord>,
    /// Instances that are not known to be gone.
    pub instances: BTreeMap<InstanceId, InstanceRecord>,
    /// Settings of the whole installation.
    pub settings: BTreeMap<String, String>,
    /// The highest generation that may have been used.
    pub generation: Generation,
    /// The number that the next rollout gets; higher than that of any before, deleted apps included.
    pub next_rollout: RolloutId,
}

impl Default for State {
    fn default() -> Self {
        Self {
            apps: BTreeMap::new(),
            releases: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            instances: BTreeMap::new(),
            settings: BTreeMap::new(),
            generation: Generation::default(),
            next_rollout: RolloutId(1),
        }
    }
}

impl State {
    /// Takes one change in. The database does the same with tables; a test holds the two together.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutApp(app) => {
                self.apps.insert(app.name().clone(), (**app).clone());
            }
            Change::DeleteApp(name) => {
                self.apps.remove(name);
                self.releases.retain(|(app, _), _| app != name);
                self.rollouts.retain(|_, record| record.rollout.app != *name);
                self.instances.retain(|id, _| id.app() != name);
            }
            Change::PutRelease { app, release } => {
                self.releases.insert((app.clone(), release.id), (**release).clone());
            }
            Change::DeleteRelease { app, release } => {
                self.releases.remove(&(app.clone(), *release));
            }
            Change::PutRollout(record) => self.put_rollout((**record).clone()),
            Change::PutInstance(record) => {
                self.instances.insert(record.id.clone(), (**record).clone());
            }
            Change::DeleteInstance(id) => {
                self.instances.remove(id);
            }
            Change::PutSetting { name, value } => {
                self.settings.insert(name.clone(), value.clone());
            }
            Change::ReserveGeneration(generation) => self.generation = self.generation.max(*generation),
            Change::Note { .. } => {}
        }
    }

    /// Takes a rollout in; of those of its app that have ended only the last stays.
    pub(crate) fn put_rollout(&mut self, record: RolloutRecord) {
        let app = record.rollout.app.clone();
        self.next_rollout = self.next_rollout.max(RolloutId(record.rollout.id.0.saturating_add(1)));
        self.rollouts.insert(record.rollout.id, record);
        let ended = |r: &RolloutRecord| r.rollout.app == app && r.rollout.has_ended();
        let last = self.rollouts.iter().rev().find(|(_, r)| ended(r)).map(|(id, _)| *id);
        self.rollouts.retain(|id, r| Some(*id) == last || !ended(r));
    }
}
