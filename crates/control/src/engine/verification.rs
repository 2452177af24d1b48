//! The checks of a new release before it is public. Nothing of them is journaled: a control that comes new
//! begins them again.

use super::app::App;
use super::{Engine, World};
use crate::platform::VerifyOrder;
use gapless_model::route::HostPattern;
use gapless_model::{AppName, Moment, RolloutId, RolloutPhase};
use gapless_rollout::Verification;

/// How far the checks are.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// None if they have not begun.
    pub(super) at: Option<Verification>,
    /// The proxy was replaced since they began: that they failed may be our own doing.
    disturbed: bool,
}

impl Checks {
    /// They begin.
    pub(super) fn begin(&mut self, until: Moment) {
        *self = Self { at: Some(Verification::Running { until }), disturbed: false };
    }

    const fn go_on(&self) -> bool {
        matches!(self.at, Some(Verification::Running { .. }))
    }
}

impl Engine {
    /// Has a release checked, as was decided.
    pub(super) fn order_verification(&self, name: &AppName, world: &mut World<'_>) {
        if let Some(order) = self.apps.get(name).and_then(App::verify_order) {
            world.platform.verify(order);
        }
    }

    /// The checks of a release have ended.
    pub(super) fn verified(&mut self, name: &AppName, rollout: RolloutId, outcome: Verification) {
        let Some(app) = self.apps.get_mut(name) else { return };
        let Some(active) = app.active.as_mut().filter(|a| a.rollout.id == rollout && a.checks.go_on()) else {
            return;
        };
        let again = active.checks.disturbed && matches!(outcome, Verification::Failed { .. });
        active.checks.at = (!again).then_some(outcome);
        self.touch(name);
    }

    /// The checks have ended with their phase, if that is over.
    pub(super) fn end_verification(&mut self, name: &AppName, world: &mut World<'_>) {
        let Some(active) = self.apps.get_mut(name).and_then(|app| app.active.as_mut()) else { return };
        if !matches!(active.rollout.phase, RolloutPhase::Verifying { .. }) {
            if active.checks.go_on() {
                world.platform.end_verification(name);
            }
            active.checks = Checks::default();
        }
    }
}

impl App {
    /// The proxy is gone, or new.
    pub(super) fn disturb_checks(&mut self) {
        if let Some(active) = &mut self.active {
            active.checks.disturbed = true;
        }
    }

    fn verify_order(&self) -> Option<VerifyOrder> {
        let rollout = &self.active.as_ref()?.rollout;
        let hosts = self.settings.routes.iter().filter_map(|route| match &route.host {
            Some(HostPattern::Exact(host)) => Some(host.clone()),
            _ => None,
        });
        Some(VerifyOrder {
            app: self.name.clone(),
            rollout: rollout.id,
            release: self.releases.get(&rollout.to)?.clone(),
            spec: self.settings.rollout.verify.clone()?,
            preview: rollout.preview.clone().filter(|_| self.is_routed()),
            host: hosts.into_iter().next(),
            secure: self.settings.routes.first().is_some_and(|route| route.tls),
        })
    }
}
