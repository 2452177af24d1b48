//! An order of start between apps: none of an app's instances is started before the apps that it is after are up.
//!
//! That is about its first instances only, after it was nowhere: whatever becomes of those apps later does not touch
//! it. Which of them are not up is an input ([`Desired::awaits`]), as the decider sees one app at a time.

use crate::decision::Action;
use crate::desired::Desired;
use gapless_model::{AbortReason, AppName, Moment, Rollout, Until, WaitingOn};

/// An app that another is started after, and that is not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Which.
    pub app: AppName,
    /// When it is up.
    pub until: Until,
    /// From when on it counts as one that does not come up; none while it may by what it waits for itself. It is
    /// waited for all the same, but no rollout goes on only because of that.
    pub failed_at: Option<Moment>,
}

/// Takes the starts out of what is to be done, while somebody is waited for.
pub fn hold_back(desired: &Desired, actions: &mut Vec<Action>) {
    if !desired.awaits.is_empty() {
        actions.retain(|action| !matches!(action, Action::Start { .. }));
    }
}

/// Who is waited for.
pub fn waits(desired: &Desired) -> impl Iterator<Item = WaitingOn> {
    let wanted = desired.wanted > 0;
    desired.awaits.iter().filter(move |_| wanted).map(|awaited| WaitingOn::After {
        app: awaited.app.clone(),
        until: awaited.until,
        // Where there is no rollout nobody gives up.
        deadline: awaited.failed_at.filter(|_| desired.rollout.is_some()),
    })
}

/// Why an app's first rollout has failed before anything of it was started, if so.
pub fn given_up(desired: &Desired, rollout: &Rollout, now: Moment) -> Option<AbortReason> {
    // With an instance of before there is one that could serve.
    let first = rollout.from.is_none();
    let failed = |awaited: &&Awaited| awaited.failed_at.is_some_and(|at| at <= now);
    let app = desired.awaits.iter().filter(|_| first).find(failed)?.app.clone();
    Some(AbortReason::NotUp { app })
}
