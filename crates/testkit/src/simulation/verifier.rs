//! The checks of new releases. They die with control.

use super::event::Event;
use super::scenario::Checks;
use super::spec;
use super::world::World;
use gapless_control::engine::Input;
use gapless_control::platform::VerifyOrder;
use gapless_model::{AppName, RolloutId};
use gapless_rollout::Verification;

impl World {
    /// A release is to be checked.
    pub(super) fn order_verification(&mut self, order: &VerifyOrder) {
        let (app, rollout) = (order.app.clone(), order.rollout);
        self.trace(|| format!("  verify {app} {}", order.release.id));
        let character = self.characters.get(&(app.clone(), order.release.id)).copied().unwrap_or_default();
        let (passes, takes) = match character.checks {
            Checks::Pass(ms) => (true, ms),
            Checks::Fail(ms) => (false, ms),
            Checks::Hang => (false, spec::VERIFY_TIMEOUT),
        };
        self.control_mut().verifying.insert(app.clone(), rollout);
        let control = self.control().number;
        let passes = passes && takes < spec::VERIFY_TIMEOUT;
        let event = Event::Verified { control, app, rollout, passes };
        self.queue.after(takes.min(spec::VERIFY_TIMEOUT), event);
    }

    /// The checks have ended, if they were not ended.
    pub(super) fn verified(&mut self, app: AppName, rollout: RolloutId, passes: bool) {
        if self.control().verifying.get(&app) != Some(&rollout) {
            return;
        }
        self.control_mut().verifying.remove(&app);
        let what = || "GET /health answered 500, not 200".to_owned();
        let outcome = match passes {
            true => Verification::Passed,
            false => Verification::Failed { what: what(), output: Vec::new() },
        };
        self.tell_control(Input::Verified { app, rollout, outcome });
    }
}
