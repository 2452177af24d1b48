//! What the journal gets to know of a decision before it is carried out.

use super::app::{App, Pending};
use super::{Now, managed::Managed};
use gapless_model::event::What;
use gapless_model::instance::InstanceView;
use gapless_model::{InstanceId, InstanceState, ReleaseId};
use gapless_rollout::Action;
use gapless_store::Change;

impl App {
    /// The journal entries of a decision.
    pub(crate) fn intended(&self, pending: &Pending, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut number = self.next_instance;
        for action in &pending.actions {
            match action {
                Action::Start { release } => {
                    let id = InstanceId::new(self.name.clone(), number);
                    number += 1;
                    changes.extend(self.instance_record(planned(id.clone(), *release, now).record()));
                    changes.push(self.note(now, What::InstanceStarted { instance: id, release: *release }));
                }
                Action::Retire { instance, retiring } => {
                    if let Some(managed) = self.instances.get(instance) {
                        let mut record = managed.record();
                        record.retiring = Some(*retiring);
                        changes.extend(self.instance_record(record));
                    }
                }
                // A signal that is sent twice does no harm: nothing to remember.
                Action::Stop { .. } | Action::Restart { .. } => {}
            }
        }
        if number != self.next_instance
            && let Some(Change::PutApp(mut record)) = self.record()
        {
            record.next_instance = number;
            changes.push(Change::PutApp(record));
        }
        if let (Some(phase), Some(active)) = (&pending.phase, &self.active) {
            let mut moved = active.record();
            moved.rollout.phase = phase.clone();
            changes.push(Change::PutRollout(Box::new(moved)));
            changes.push(
                self.note(now, What::RolloutMoved { rollout: active.rollout.id, phase: phase.clone() }),
            );
        }
        changes
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
        },
        retiring: None,
        backlog: None,
        started: now.wall,
        was_ready: false,
    }
}
