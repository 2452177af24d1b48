//! Decide, for every app that something was observed of.

use super::active::{Active, Asked};
use super::app::{Order, Pending};
use super::{App, Engine, Run, World};
use gapless_model::{AbortReason, AppName, Moment, Outcome, RolloutPhase};
use gapless_rollout::{Action, decide, invariants, phase};

impl Engine {
    /// Decides for every app whose inputs have changed, then brings the routing up to date. To be called
    /// after one or several inputs or commands.
    pub fn settle(&mut self, world: &mut World<'_>) {
        if self.frozen {
            return;
        }
        loop {
            while let Some(name) = self.dirty.pop_first() {
                self.settle_app(&name, world);
            }
            // One of them may be what another has waited for.
            self.look_at_order();
            if self.dirty.is_empty() {
                break;
            }
        }
        self.route(world);
    }

    fn settle_app(&mut self, name: &AppName, world: &mut World<'_>) {
        self.finish_run(name, world);
        if self
            .apps
            .get(name)
            .and_then(|a| a.active.as_ref()?.close_by())
            .is_some_and(|by| by <= world.now.moment)
        {
            self.close_rollout(name, world);
        }
        self.await_others(name);
        let token = self.token();
        let cores = self.cores;
        let Some(app) = self.apps.get_mut(name) else { return };
        if app.pending.is_some() {
            // The journal's answer wakes it.
            app.wake = app.active.as_ref().and_then(Active::close_by);
            return;
        }
        let now = world.now.moment;
        let (desired, observed) = (app.desired(cores), app.observed());
        let decision = decide(&desired, &observed, now);
        debug_assert_eq!(
            invariants::violations(&desired, &observed, &decision, now),
            [],
            "{desired:#?}\n{observed:#?}\n{decision:#?}"
        );

        app.waiting = decision.waiting;
        app.wake =
            [decision.wake, app.active.as_ref().and_then(Active::close_by)].into_iter().flatten().min();
        app.note_flip(&decision.split, world.now.exact);
        app.split = decision.split;
        app.preview = decision.preview;
        // A snapshot that was not acknowledged in time is sent again.
        if app.sent.as_ref().is_some_and(|s| s.answer_by <= now) {
            app.sent = None;
            self.routes.send_again();
        }
        // What the user asked for goes before. Who serves was decided all the same: a control that has just begun
        // has nothing else to tell the proxy.
        if let Some(phase) = app.answer(now) {
            let orders = app.begin_pending(token, Some(phase), Vec::new(), world);
            return self.give_all(orders, world);
        }
        let mut actions = decision.actions;
        // It was told so, and its supervisor sees to it.
        actions.retain(|action| match action {
            Action::Stop { instance } => !app.instances.get(instance).is_some_and(|i| i.stopping),
            _ => true,
        });
        if decision.phase.is_none() && actions.is_empty() {
            return;
        }
        let orders = app.begin_pending(token, decision.phase, actions, world);
        self.give_all(orders, world);
    }

    /// What follows once the last instance is gone: a restart goes on, a deleted app is forgotten.
    fn finish_run(&mut self, name: &AppName, world: &mut World<'_>) {
        let Some(app) = self.apps.get_mut(name) else { return };
        if !app.instances.is_empty() || app.pending.is_some() || app.active.is_some() {
            return;
        }
        match app.run {
            Run::Restarting => app.run = Run::Running,
            Run::Deleted => self.forget_app(name, world),
            Run::Running | Run::Stopped => {}
        }
    }
}

impl App {
    /// Gives a decision to the journal. Returns what is done at once: orders with nothing to be written before.
    fn begin_pending(
        &mut self,
        token: u64,
        phase: Option<RolloutPhase>,
        actions: Vec<Action>,
        world: &mut World<'_>,
    ) -> Vec<Order> {
        let enters_phase = phase.is_some();
        if let (Some(phase), Some(active)) = (&phase, &mut self.active) {
            active.decide_phase(phase, world.now.exact);
        }
        let (changes, orders) = self.take_over(phase, actions, world.now);
        if changes.is_empty() {
            return orders;
        }
        self.pending = Some(Pending { token, enters_phase, orders });
        world.journal.commit(token, changes);
        Vec::new()
    }

    /// The phase that the user asked for, if the rollout can still go there.
    fn answer(&mut self, now: Moment) -> Option<RolloutPhase> {
        let active = self.active.as_mut()?;
        let rollout = &active.rollout;
        if active.asked == Some(Asked::Promote) && matches!(rollout.phase, RolloutPhase::Verified { .. }) {
            // The decider sees whether it can be.
            return None;
        }
        let asked = active.asked.take()?;
        match (asked, &rollout.phase, rollout.from) {
            (
                Asked::Abort,
                RolloutPhase::Replacing { .. }
                | RolloutPhase::Verifying { .. }
                | RolloutPhase::Verified { .. }
                | RolloutPhase::Baking { .. },
                Some(_),
            ) => Some(phase::returning(rollout, AbortReason::Asked, now)),
            (Asked::Abort, RolloutPhase::Replacing { .. }, None) => {
                // There is nothing to go back to but not running.
                self.run = Run::Stopped;
                self.launched = false;
                Some(RolloutPhase::Ended { at: now, outcome: Outcome::Failed { why: AbortReason::Asked } })
            }
            (Asked::Promote, RolloutPhase::Baking { since, .. }, _) => {
                Some(RolloutPhase::Baking { since: *since, until: now })
            }
            _ => None,
        }
    }
}
