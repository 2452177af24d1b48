//! Changes that are not written yet, at most one per key.

use crate::change::Change;
use crate::record::{AppRecord, InstanceRecord, RolloutRecord};
use gapless_model::event::What;
use gapless_model::{AppName, Generation, InstanceId, Release, ReleaseId, RolloutId, WallTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The history keeps this many events, in memory while the disk is full as on disk.
pub(crate) const EVENTS_KEPT: usize = 10_000;

/// An event without its number.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) at: WallTime,
    pub(crate) app: Option<AppName>,
    pub(crate) what: What,
}

/// What the next transaction has to do: first the deletions of apps, then all else in any order.
///
/// Only the last change of a key counts, so that a disk that stays full for days costs memory for as many
/// things as exist, not for as many changes as were made.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) deleted_apps: BTreeSet<AppName>,
    pub(crate) apps: BTreeMap<AppName, AppRecord>,
    /// None: deleted.
    pub(crate) releases: BTreeMap<(AppName, ReleaseId), Option<Arc<Release>>>,
    pub(crate) rollouts: BTreeMap<RolloutId, RolloutRecord>,
    /// None: deleted.
    pub(crate) instances: BTreeMap<InstanceId, Option<InstanceRecord>>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) generation: Option<Generation>,
    pub(crate) next_rollout: Option<RolloutId>,
    pub(crate) notes: VecDeque<Note>,
}

impl Pending {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.deleted_apps.is_empty()
            && self.apps.is_empty()
            && self.releases.is_empty()
            && self.rollouts.is_empty()
            && self.instances.is_empty()
            && self.settings.is_empty()
            && self.generation.is_none()
            && self.next_rollout.is_none()
            && self.notes.is_empty()
    }

    /// Adds a change after all others.
    pub(crate) fn add(&mut self, change: Change) {
        match change {
            Change::PutApp(app) => {
                self.apps.insert(app.name().clone(), *app);
            }
            Change::DeleteApp(name) => self.delete_app(name),
            Change::PutRelease { app, release } => {
                self.releases.insert((app, release.id), Some(release));
            }
            Change::DeleteRelease { app, release } => {
                self.releases.insert((app, release), None);
            }
            Change::PutRollout(record) => {
                let next = RolloutId(record.rollout.id.0.saturating_add(1));
                self.next_rollout = self.next_rollout.max(Some(next));
                self.rollouts.insert(record.rollout.id, *record);
            }
            Change::PutInstance(record) => {
                self.instances.insert(record.id.clone(), Some(*record));
            }
            Change::DeleteInstance(id) => {
                self.instances.insert(id, None);
            }
            Change::PutSetting { name, value } => {
                self.settings.insert(name, value);
            }
            Change::ReserveGeneration(generation) => self.generation = self.generation.max(Some(generation)),
            Change::Note { at, app, what } => self.note(Note { at, app, what }),
        }
    }

    /// Adds all of `newer` after all that is here.
    pub(crate) fn absorb(&mut self, newer: Self) {
        for name in newer.deleted_apps {
            self.delete_app(name);
        }
        self.apps.extend(newer.apps);
        self.releases.extend(newer.releases);
        self.rollouts.extend(newer.rollouts);
        self.instances.extend(newer.instances);
        self.settings.extend(newer.settings);
        self.generation = self.generation.max(newer.generation);
        self.next_rollout = self.next_rollout.max(newer.next_rollout);
        for note in newer.notes {
            self.note(note);
        }
    }

    fn delete_app(&mut self, name: AppName) {
        self.apps.remove(&name);
        self.releases.retain(|(app, _), _| *app != name);
        self.rollouts.retain(|_, record| record.rollout.app != name);
        self.instances.retain(|id, _| *id.app() != name);
        self.deleted_apps.insert(name);
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() >= EVENTS_KEPT {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
    }
}
