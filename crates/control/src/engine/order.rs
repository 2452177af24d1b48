//! The order of start between apps: who is waited for, and when it is up.
//!
//! An app waits only until its first instance is started. Whom it is after and how those stand is looked at anew
//! whenever anything was observed, so that nothing of it has to be remembered.

use super::{App, Engine, Refusal, Run};
use gapless_api::{About, ErrorKind};
use gapless_model::app::RestartPolicy;
use gapless_model::probe::ProbeKind;
use gapless_model::release::Mark;
use gapless_model::{AbortReason, AppName, AppSpec, InstanceState, Moment, Until, circles};
use gapless_rollout::{Awaited, Instance, phase};
use std::collections::BTreeMap;

impl Engine {
    /// Refuses an order that goes in a circle, by `specs` and by what is defined beside them: at the next boot
    /// nobody would be started.
    ///
    /// # Errors
    /// The first such circle.
    pub fn check_order(&self, specs: &[AppSpec]) -> Result<(), Refusal> {
        let defined = self.apps.values().filter(|a| a.run != Run::Deleted);
        let mut after: BTreeMap<&AppName, Vec<&AppName>> =
            defined.map(|a| (&a.name, a.settings.after.iter().collect())).collect();
        after.extend(specs.iter().map(|s| (&s.name, s.settings.after.iter().collect())));
        // One that was there before is not of their making.
        let of_these = |app: &&AppName| specs.iter().any(|spec| spec.name == **app);
        let Some(circle) = circles(&after).into_iter().find(|circle| circle.iter().any(of_these)) else {
            return Ok(());
        };
        let place = circle.iter().copied().find(of_these);
        let steps = circle.iter().zip(circle.iter().cycle().skip(1));
        let steps: Vec<_> = steps.map(|(app, before)| format!("{app} after {before}")).collect();
        Err(Refusal {
            kind: ErrorKind::BadRequest,
            message: format!("none of these could be started first: {}", steps.join(", ")),
            hint: Some(
                "one of them is defined already: change its `after` with the same `gapless up`, or `gapless delete` it"
                    .to_owned(),
            ),
            about: place.map(|app| Box::new(About::Key { app: app.clone(), key: "after".to_owned() })),
        })
    }

    /// Of the apps that these are after, those that are not waited for, in words: they are not there, or stopped.
    pub fn not_waited_for(&self, names: &[AppName]) -> Vec<String> {
        let apps = names.iter().filter_map(|name| self.apps.get(name));
        let pairs = apps.filter(|app| app.waits_in_order()).flat_map(|app| {
            app.settings.after.iter().filter_map(|before| {
                let why = match self.apps.get(before).map(|other| other.run) {
                    None | Some(Run::Deleted) => "not there",
                    Some(Run::Stopped) => "stopped",
                    Some(Run::Running | Run::Restarting) => return None,
                };
                Some(format!("{} is started without waiting for {before}, which is {why}", app.name))
            })
        });
        pairs.collect()
    }

    /// Looks anew at whom the apps wait for, and marks those to be decided for of whom that has changed.
    pub(super) fn look_at_order(&mut self) {
        let waiting: Vec<AppName> =
            self.apps.values().filter(|a| a.waits_in_order()).map(|a| a.name.clone()).collect();
        for name in waiting {
            if self.await_others(&name) {
                self.touch(&name);
            }
        }
    }

    /// Looks anew at whom an app waits for; whether that has changed.
    pub(super) fn await_others(&mut self, name: &AppName) -> bool {
        let Some(app) = self.apps.get(name) else { return false };
        let awaited = if app.waits_in_order() { self.awaited(app, 0) } else { Vec::new() };
        self.apps.get_mut(name).is_some_and(|app| {
            let changed = app.awaited != awaited;
            app.awaited = awaited;
            changed
        })
    }

    /// The apps that `app` is after and that are not up. Whoever is stopped or gone is not waited for.
    fn awaited(&self, app: &App, depth: usize) -> Vec<Awaited> {
        let before = app.settings.after.iter().filter_map(|name| self.apps.get(name));
        let coming = before.filter(|other| matches!(other.run, Run::Running | Run::Restarting));
        coming
            .filter(|other| !other.is_up())
            .map(|other| Awaited {
                app: other.name.clone(),
                until: if other.is_job() { Until::Ended } else { Until::Ready },
                failed_at: self.failed_at(other, depth),
            })
            .collect()
    }

    /// From when on an app that is not up counts as one that does not come up, if nothing is done about it.
    fn failed_at(&self, app: &App, depth: usize) -> Option<Moment> {
        let rolling = app.active.as_ref().is_some_and(|a| !a.rollout.has_ended()) || app.queued.is_some();
        // There is no circle, but for a journal that another program has written.
        if rolling || depth > self.apps.len() {
            return None;
        }
        if app.waits_in_order() {
            return self.awaited(app, depth + 1).iter().filter_map(|awaited| awaited.failed_at).min();
        }
        let staying = app.instances.values().filter(|i| i.retiring.is_none());
        let failed: Vec<_> = staying.map(|i| app.failing_from(&i.for_decider())).collect();
        failed.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

impl App {
    /// Whether none of its instances was started yet, and there are apps that it is after.
    pub(super) fn waits_in_order(&self) -> bool {
        !self.launched && self.run == Run::Running && !self.settings.after.is_empty()
    }

    /// Whether it waits for another app to be up.
    pub(super) fn is_held_back(&self) -> bool {
        self.waits_in_order() && !self.awaited.is_empty()
    }

    /// Why it will not be started soon, if so.
    pub(super) fn waits_in_vain(&self, now: Moment) -> Option<AbortReason> {
        let awaited = self.awaited.iter().filter(|_| self.waits_in_order());
        let mut failed = awaited.filter(|awaited| awaited.failed_at.is_some_and(|at| at <= now));
        failed.next().map(|awaited| AbortReason::NotUp { app: awaited.app.clone() })
    }

    /// Whether it is a job, and no service: nothing shows that it is ready but that it runs, and it is not started
    /// again when it has ended with code 0. Those after it wait for that.
    pub(super) fn is_job(&self) -> bool {
        let bare =
            |spec: &gapless_model::ReleaseSpec| spec.ready.kind == ProbeKind::Alive && spec.startup.is_none();
        self.settings.restart.policy != RestartPolicy::Always
            && !self.is_routed()
            && self.latest().is_some_and(|release| bare(&release.spec))
    }

    /// Whether those that are after it need not wait.
    fn is_up(&self) -> bool {
        let staying = || self.instances.values().filter(|i| i.retiring.is_none());
        if self.is_job() {
            let latest = self.latest().map(|release| release.id);
            let mut mine = staying().filter(|i| Some(i.view.release) == latest).peekable();
            return mine.peek().is_some() && mine.all(|i| i.for_decider().has_finished());
        }
        let serves = |id| self.acknowledged.as_ref().is_some_and(|a| a.split.names(id));
        staying().any(|i| i.view.state.is_ready() && (!self.is_routed() || serves(&i.view.id)))
    }

    /// From when on one of its instances that is not ready counts as one that does not get so.
    fn failing_from(&self, instance: &Instance) -> Option<Moment> {
        let release = self.releases.get(&instance.release());
        match instance.view.state {
            // It was ready, and has as long to come back as it had to come up.
            InstanceState::Unready { since, .. } | InstanceState::Wedged { since, .. } => {
                Some(since + release.map(|r| r.spec.start_deadline).unwrap_or_default())
            }
            InstanceState::Ready { .. } => None,
            _ => {
                let bad = release.is_some_and(|r| r.mark == Mark::Bad);
                let failed = phase::is_failing(instance) || (bad && instance.view.last_failure.is_some());
                (failed && !instance.has_finished()).then_some(Moment::default())
            }
        }
    }
}

/// The apps of a file, each behind those that it is after; in the order of the file where that is all the same.
pub fn in_order(specs: Vec<AppSpec>) -> Vec<AppSpec> {
    if specs.iter().all(|spec| spec.settings.after.is_empty()) {
        return specs;
    }
    let mut left: Vec<Option<AppSpec>> = specs.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    for place in 0..left.len() {
        put(place, &mut left, &mut ordered);
    }
    ordered
}

fn put(place: usize, left: &mut [Option<AppSpec>], ordered: &mut Vec<AppSpec>) {
    // Taken first: a circle ends here.
    let Some(spec) = left[place].take() else { return };
    for before in &spec.settings.after {
        let found = left.iter().position(|other| other.as_ref().is_some_and(|other| other.name == *before));
        if let Some(before) = found {
            put(before, left, ordered);
        }
    }
    ordered.push(spec);
}
