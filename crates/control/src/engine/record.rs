//! What the journal gets to know of a decision before it is carried out.

use super::Now;
use super::app::{App, Order};
use super::managed::{Managed, Restarting};
use gapless_model::event::What;
use gapless_model::instance::InstanceView;
use gapless_model::{InstanceId, InstanceState, ReleaseId, RolloutPhase};
use gapless_rollout::Action;
use gapless_store::Change;

impl App {
    /// Takes a decision over into what is known, and gives its journal entry and the orders that follow.
    ///
    /// Both at once: whatever else is journaled while the entry is on its way must not write over it what was
    /// before.
    pub(crate) fn take_over(
        &mut self,
        phase: Option<RolloutPhase>,
        actions: Vec<Action>,
        now: Now,
    ) -> (Vec<Change>, Vec<Order>) {
        let mut changes = Vec::new();
        let mut orders = Vec::new();
        for action in actions {
            match action {
                Action::Start { release } => {
                    let id = InstanceId::new(self.name.clone(), self.next_instance);
                    self.next_instance += 1;
                    let managed = planned(id.clone(), release, now);
                    changes.push(Change::PutInstance(Box::new(managed.record())));
                    changes.push(self.note(now, What::InstanceStarted { instance: id.clone(), release }));
                    self.instances.insert(id.clone(), Box::new(managed));
                    self.launched = true;
                    orders.push(Order::Start(id));
                }
                Action::Retire { instance, retiring } => {
                    if let Some(managed) = self.instances.get_mut(&instance) {
                        managed.retiring = Some(retiring);
                        changes.push(Change::PutInstance(Box::new(managed.record())));
                    }
                }
                // A signal that is sent twice does no harm: nothing to remember.
                Action::Stop { instance } => orders.push(Order::Stop(instance)),
                Action::Verify => {
                    let timeout = self.settings.rollout.verify.as_ref().map(|spec| spec.timeout);
                    if let Some(active) = &mut self.active {
                        active.checks.begin(now.moment + timeout.unwrap_or_default());
                    }
                    orders.push(Order::Verify(self.name.clone()));
                }
                Action::Restart { instance } => {
                    if let Some(managed) = self.instances.get_mut(&instance) {
                        managed.restarting = Restarting::Decided(now.moment);
                        changes.push(Change::PutInstance(Box::new(managed.record())));
                    }
                    orders.push(Order::Restart(instance));
                }
            }
        }
        if phase.is_some() || orders.iter().any(|order| matches!(order, Order::Start(_))) {
            changes.extend(self.record());
        }
        if let (Some(phase), Some(active)) = (phase, &mut self.active) {
            active.enter(phase.clone(), now.moment);
            changes.push(Change::PutRollout(Box::new(active.record())));
            let moved = What::RolloutMoved { rollout: active.rollout.id, phase };
            changes.push(self.note(now, moved));
        }
        (changes, orders)
    }

    /// A line of history.
    pub(crate) fn note(&self, now: Now, what: What) -> Change {
        Change::Note { at: now.wall, app: Some(self.name.clone()), what }
    }
}

/// An instance that is about to be started.
pub(crate) fn planned(id: InstanceId, release: ReleaseId, now: Now) -> Managed {
    Managed {
        view: InstanceView {
            id,
            release,
            state: InstanceState::Backoff { until: now.moment, failures: 0 },
            process: None,
            address: None,
            restarts: 0,
            last_failure: None,
            unlimited: None,
        },
        retiring: None,
        backlog: None,
        restarting: Restarting::No,
        outgrown: None,
        stopping: false,
        started: now.wall,
        was_ready: false,
    }
}
