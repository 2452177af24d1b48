//! After a restart: what the journal says, held against what runs.
//!
//! The journal says what was intended, the machine what is. An instance that runs is adopted as it is, never
//! restarted; one that should run and does not is started; one that nobody knows of is ended.

use super::active::Active;
use super::managed::{Managed, Restarting, at_once};
use super::numbers::Numbers;
use super::record::planned;
use super::rollouts::{Closed, Queued};
use super::{App, Engine, Run, World};
use crate::platform::{AdoptOrder, StartOrder};
use gapless_model::app::RestartPolicy;
use gapless_model::event::What;
use gapless_model::instance::{InstanceView, ProcessId, Retiring};
use gapless_model::{
    AbortReason, AppName, InstanceId, InstanceState, Moment, Outcome, Preview, ReleaseId, RolloutPhase,
};
use gapless_store::{Change, InstanceRecord, State, Wanted};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An instance that runs, by the marks in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Its process.
    pub process: ProcessId,
}

/// What is known of the time between two controls.
#[derive(Debug)]
pub struct Recovery {
    /// What the journal says.
    pub state: State,
    /// What runs.
    pub found: Vec<Found>,
    /// Whether the machine was started anew since the journal was written: no moment in it means anything.
    pub rebooted: bool,
}

impl Engine {
    /// Takes up where a control before this one left off. Returns how many instances were adopted.
    pub fn recover(&mut self, recovery: Recovery, world: &mut World<'_>) -> u32 {
        let Recovery { state, found, rebooted } = recovery;
        let mut found: BTreeMap<InstanceId, Found> =
            found.into_iter().map(|f| (f.instance.clone(), f)).collect();
        self.next_rollout = state.next_rollout.0.max(1);
        self.routes.begin_anew(state.generation, world.now.moment);
        self.numbers = Numbers::recall(&state.settings);
        for record in state.apps.values() {
            let name = record.name();
            let mut app = App::new(name.clone(), record.spec.settings.clone());
            app.run = match record.wanted {
                Wanted::Running => Run::Running,
                Wanted::Stopped => Run::Stopped,
                Wanted::Deleted => Run::Deleted,
            };
            app.current = record.current;
            app.next_instance = record.next_instance;
            app.next_release = record.next_release;
            let releases = state.releases.iter().filter(|((owner, _), _)| owner == name);
            app.releases = releases.map(|((_, id), release)| (*id, Arc::new(release.clone()))).collect();
            let queued = state.settings.get(&format!("queued:{name}"));
            app.queued = queued.and_then(|text| serde_json::from_str::<Queued>(text).ok());
            // What waits has a number already, though the journal has no rollout of it yet.
            self.next_rollout = self.next_rollout.max(app.queued.as_ref().map_or(0, |q| q.id.0 + 1));
            self.apps.insert(name.clone(), app);
        }
        let mut adopted = 0;
        let nothing_runs = found.is_empty();
        for record in state.instances.values() {
            let anew = nothing_runs && self.begins_anew(record, &state);
            if rebooted || anew {
                // It ended with the machine: no failure of its own, and nothing to be started again by policy.
                world.journal.commit(0, vec![Change::DeleteInstance(record.id.clone())]);
                continue;
            }
            let here = found.remove(&record.id);
            adopted += u32::from(here.is_some());
            self.recover_instance(record, here, world);
        }
        for stray in found.into_values() {
            adopted += u32::from(self.recover_stray(&stray, world));
        }
        // After the instances: what they are of is in use, and not given up with a rollout that is closed.
        for record in state.rollouts.values() {
            self.recover_rollout(&Active::resume(record), record.receipt.clone(), rebooted, world);
        }
        for app in self.apps.values_mut() {
            // The one before us has waited for those that it is after.
            let replaced = app.active.as_ref().is_some_and(|a| a.rollout.from.is_some());
            app.launched = app.run == Run::Running
                && app.instances.values().any(|managed| managed.retiring.is_none() || replaced);
        }
        let at = world.now.wall;
        world.journal.commit(0, vec![Change::Note { at, app: None, what: What::ControlStarted { adopted } }]);
        let waiting: Vec<AppName> = self
            .apps
            .values()
            .filter(|a| a.active.is_none() && a.queued.is_some())
            .map(|a| a.name.clone())
            .collect();
        for name in waiting {
            self.begin_queued(&name, world);
        }
        self.dirty.extend(self.apps.keys().cloned());
        self.routes.change();
        adopted
    }

    /// Whether an instance that should run is to be started as at a boot: nothing at all runs any more, so it
    /// has not failed, and waits for those that its app is after. Not in a rollout, which knows what to do.
    fn begins_anew(&self, record: &InstanceRecord, state: &State) -> bool {
        let rolling =
            state.rollouts.values().any(|r| !r.rollout.has_ended() && r.rollout.app == *record.id.app());
        let ended = matches!(record.state, InstanceState::Gone { .. });
        let app = self.apps.get(record.id.app());
        let again = app.is_some_and(|app| {
            !app.settings.after.is_empty() && app.settings.restart.policy != RestartPolicy::Never
        });
        again && !rolling && !ended
    }

    fn recover_rollout(
        &mut self,
        active: &Active,
        receipt: Option<gapless_model::Receipt>,
        rebooted: bool,
        world: &mut World<'_>,
    ) {
        let Some(app) = self.apps.get_mut(&active.rollout.app) else { return };
        if let Some(receipt) = receipt {
            let culprit = match &receipt.outcome {
                Outcome::Aborted { why: AbortReason::InstanceFailed { instance, .. } }
                | Outcome::Failed { why: AbortReason::InstanceFailed { instance, .. } } => {
                    Some(instance.clone())
                }
                _ => None,
            };
            let (id, began) = (active.rollout.id, active.rollout.began_at);
            self.close(id, Closed::Ended { receipt: Box::new(receipt), culprit, began });
            return;
        }
        let mut active = Active::resume(&active.record());
        let name = app.name.clone();
        let phase = active.rollout.phase.clone();
        let revocable = matches!(
            phase,
            RolloutPhase::Replacing { .. }
                | RolloutPhase::Verifying { .. }
                | RolloutPhase::Verified { .. }
                | RolloutPhase::Baking { .. }
                | RolloutPhase::Returning { .. }
        );
        if let Some(Preview { secret, .. }) = active.rollout.preview.take().filter(|_| !rebooted) {
            // The socket of the one before may be gone.
            active.rollout.preview = Some(app.open_preview(Some(secret), world.platform));
        }
        if rebooted && revocable {
            // Nothing of before runs any more. The release that was known to work is started.
            let why = AbortReason::MachineRestarted;
            let outcome = match active.rollout.from {
                Some(_) => Outcome::Aborted { why },
                None => Outcome::Failed { why },
            };
            active.rollout.phase = RolloutPhase::Ended { at: world.now.moment, outcome };
        }
        app.active = Some(active);
        // If it had ended, its receipt was not written.
        self.begin_phase(&name, world);
    }

    fn recover_instance(&mut self, record: &InstanceRecord, here: Option<Found>, world: &mut World<'_>) {
        let now = world.now;
        let Some(app) = self.apps.get_mut(record.id.app()) else { return };
        let Some(order) = app.start_order(&record.id, record.release) else {
            if let Some(here) = here {
                tracing::warn!("ending {}: its release {} is not kept", record.id, record.release);
                world.platform.end_stray(here.process);
            }
            return;
        };
        // Another process than the journal knows was started after that was written.
        let news = here.as_ref().is_some_and(|h| Some(h.process) != record.process);
        let retiring = record.retiring.or_else(|| stopped_for_another(record, now.moment).filter(|_| !news));
        if here.is_none() && retiring.is_some() {
            world.journal.commit(0, vec![Change::DeleteInstance(record.id.clone())]);
            return;
        }
        if here.is_none() && matches!(record.state, InstanceState::Backoff { failures: 0, .. }) {
            // It was about to be started for the first time.
            app.instances
                .insert(record.id.clone(), Box::new(planned(record.id.clone(), record.release, now)));
            world.platform.start(order);
            return;
        }
        let state = match &record.state {
            state if here.is_none() => state.clone(),
            // The time that nobody looked does not count.
            InstanceState::Starting { since, .. } if !news => InstanceState::Starting {
                since: *since,
                deadline: now.moment + order.release.spec.start_deadline,
            },
            // Until a probe says otherwise.
            state if !news => state.clone(),
            _ => InstanceState::Starting {
                since: now.moment,
                deadline: now.moment + order.release.spec.start_deadline,
            },
        };
        let last = InstanceView {
            id: record.id.clone(),
            release: record.release,
            state,
            process: here.as_ref().map(|h| h.process).or(record.process),
            address: record.address.clone().filter(|_| !news),
            restarts: record.restarts,
            last_failure: record.last_failure.clone(),
            unlimited: None,
        };
        // What is not there cannot serve; its supervisor says the rest.
        let view = match &here {
            Some(_) => last.clone(),
            None => InstanceView { process: None, ..planned(record.id.clone(), record.release, now).view },
        };
        let managed = Managed {
            view,
            retiring,
            backlog: None,
            restarting: Restarting::No,
            outgrown: None,
            stopping: false,
            started: record.started.unwrap_or(now.wall),
            was_ready: record.was_ready && here.is_some() && !news,
        };
        if retiring != record.retiring {
            world.journal.commit(0, vec![Change::PutInstance(Box::new(managed.record()))]);
        }
        app.instances.insert(record.id.clone(), Box::new(managed));
        world.platform.adopt(AdoptOrder { start: order, last });
    }

    /// An instance that the journal does not know: adopted if its release is known (the disk was full when
    /// it was started), ended otherwise. Returns whether it was adopted.
    fn recover_stray(&mut self, stray: &Found, world: &mut World<'_>) -> bool {
        let known = self.apps.get_mut(stray.instance.app()).and_then(|app| {
            app.next_instance = app.next_instance.max(stray.instance.number() + 1);
            // Its number must not be given again, even if this control ends before it starts another.
            world.journal.commit(0, app.record().into_iter().collect());
            app.start_order(&stray.instance, stray.release)
        });
        if known.is_none() {
            tracing::warn!("ending {}, which runs and belongs to no app that is known", stray.instance);
            world.platform.end_stray(stray.process);
            return false;
        }
        let record = InstanceRecord {
            id: stray.instance.clone(),
            release: stray.release,
            state: InstanceState::Backoff { until: world.now.moment, failures: 0 },
            process: None,
            address: None,
            was_ready: false,
            started: Some(world.now.wall),
            retiring: None,
            restarts: 0,
            last_failure: None,
        };
        self.recover_instance(&record, Some(stray.clone()), world);
        // It may be the one that serves: the proxy keeps what it has until its first probes have answered.
        self.routes.await_instance(stray.instance.clone(), world.now.moment);
        true
    }
}

/// An instance that was being stopped without being retired should have been started again (it hung, or did
/// not get ready in time). Who meant that is gone: it goes for good, and another is started in its place.
fn stopped_for_another(record: &InstanceRecord, now: Moment) -> Option<Retiring> {
    matches!(record.state, InstanceState::Stopping { .. }).then(|| at_once(now))
}

impl App {
    /// What it takes to start, or to have started, one of its instances.
    pub(super) fn start_order(&self, id: &InstanceId, release: ReleaseId) -> Option<StartOrder> {
        Some(StartOrder {
            instance: id.clone(),
            release: self.releases.get(&release)?.clone(),
            restart: self.settings.restart.clone(),
            logs: self.settings.logs.clone(),
            routed: self.is_routed(),
        })
    }
}
