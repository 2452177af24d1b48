//! What an order of start promises, held by what is in the world and by what control gives to its journal.

use super::report::Broken;
use super::scenario::Policy;
use super::spec;
use super::world::World;
use gapless_api::status::AppStatus;
use gapless_model::{AppName, Exit, InstanceId, WaitingOn};
use gapless_store::{Change, Wanted};
use std::collections::BTreeSet;

/// How far the apps have come since they were wanted and nothing of them was there.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// Those that should run.
    wanted: BTreeSet<AppName>,
    /// Those of which an instance was started.
    started: BTreeSet<AppName>,
    /// Those that were up, by what was seen of their processes.
    been_up: BTreeSet<AppName>,
    instances: BTreeSet<InstanceId>,
}

impl World {
    /// A control begins: it knows what the journal knows.
    pub(super) fn begin_order(&mut self, rebooted: bool) {
        let state = &self.journal.state;
        let wanted = state.apps.values().filter(|app| app.wanted == Wanted::Running);
        self.order.wanted = wanted.map(|app| app.name().clone()).collect();
        self.order.instances = state.instances.keys().cloned().collect();
        self.order.started = self.order.instances.iter().map(|id| id.app().clone()).collect();
        if rebooted {
            self.order.started.clear();
            self.order.been_up.clear();
        }
    }

    /// No instance of an app is decided to be started before those that it is after have been up.
    pub(super) fn check_order(&mut self, change: &Change) {
        match change {
            Change::PutApp(record) if record.wanted == Wanted::Running => {
                self.order.wanted.insert(record.name().clone());
            }
            Change::PutApp(record) => self.forget_order(record.name()),
            Change::DeleteApp(app) => self.forget_order(app),
            Change::PutInstance(record) if self.order.instances.insert(record.id.clone()) => {
                let app = record.id.app().clone();
                if self.order.started.insert(app.clone()) && !self.journal.lost_acted {
                    self.check_begin(&app, &record.id);
                }
            }
            _ => {}
        }
    }

    fn forget_order(&mut self, app: &AppName) {
        self.order.wanted.remove(app);
        self.order.started.remove(app);
        self.order.been_up.remove(app);
    }

    fn check_begin(&mut self, app: &AppName, instance: &InstanceId) {
        let Some(place) = self.shape(app) else { return };
        let before: Vec<AppName> = self.scenario.apps[place].after.iter().map(|p| spec::name(*p)).collect();
        for other in before {
            if self.order.wanted.contains(&other) && !self.order.been_up.contains(&other) {
                let (instance, other) = (instance.to_string(), other.to_string());
                self.broken(Broken::StartedBefore { instance, other });
            }
        }
    }

    /// A process of an app is ready.
    pub(super) fn note_ready(&mut self, app: &AppName) {
        if !self.is_job(app) {
            self.order.been_up.insert(app.clone());
        }
    }

    /// A process of an app has ended by itself.
    pub(super) fn note_end(&mut self, app: &AppName, exit: Exit) {
        if self.is_job(app) && exit == Exit::Code(0) {
            self.order.been_up.insert(app.clone());
        }
    }

    fn is_job(&self, app: &AppName) -> bool {
        let shape = self.shape(app).map(|place| &self.scenario.apps[place]);
        shape.is_some_and(|shape| !shape.routed && shape.restart != Policy::Always)
    }

    /// Whether an app waits for another that may never be up.
    pub(super) fn waits_in_vain(&self, app: &AppStatus) -> bool {
        let waits = app.waiting.iter().any(|wait| matches!(wait.on, WaitingOn::After { .. }));
        let lasts = |other: &AppStatus| {
            let fate = other.release.map(|release| self.fate(&other.name, release));
            fate.is_none_or(|fate| fate.is_good())
        };
        let apps = self.control.as_ref().map(|control| self.status(&control.engine)).unwrap_or_default();
        waits && app.instances.is_empty() && apps.iter().any(|other| other.name != app.name && !lasts(other))
    }
}
