//! Rollouts from their begin to their receipt. One at a time per app; another waits, and the newest that
//! waits replaces one that waited before it.

use super::active::Active;
use super::receipt::Ledger;
use super::{App, Engine, Refusal, Run, World};
use crate::platform::Errand;
use gapless_api::{ErrorKind, RolloutTicket};
use gapless_model::event::What;
use gapless_model::release::Mark;
use gapless_model::{
    AbortReason, AppName, InstanceId, Outcome, Receipt, Release, ReleaseId, Rollout, RolloutId, RolloutKind,
    RolloutPhase, Strategy, WallTime,
};
use gapless_store::Change;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many releases of an app are kept beside those in use.
const RELEASES_KEPT: usize = 5;

/// How many ended rollouts are remembered for those who follow them.
const CLOSED_KEPT: usize = 100;

/// A rollout that waits for another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) id: RolloutId,
    pub(crate) to: ReleaseId,
    pub(crate) kind: RolloutKind,
    /// How, if not as the app's settings say.
    #[serde(default)]
    pub(crate) strategy: Option<Strategy>,
}

/// A rollout that is over.
#[derive(Debug, Clone)]
pub enum Closed {
    /// It ended, in whichever way.
    Ended {
        /// What it did to the traffic.
        receipt: Box<Receipt>,
        /// The instance whose failure ended it, if one did.
        culprit: Option<InstanceId>,
        /// When it began.
        began: WallTime,
    },
    /// It never began.
    Dropped {
        /// Why.
        message: String,
    },
}

/// What causes a rollout.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    /// What the user did.
    pub kind: RolloutKind,
    /// How, if not as the app's settings say.
    pub strategy: Option<Strategy>,
}

impl From<RolloutKind> for Cause {
    fn from(kind: RolloutKind) -> Self {
        Self { kind, strategy: None }
    }
}

/// What a rollout rolls out.
#[derive(Debug)]
pub enum NewRelease {
    /// A release that was just made.
    Made(Box<Release>),
    /// One that is kept.
    Kept(ReleaseId),
}

impl Engine {
    /// Begins a rollout of `release`, or lets it wait for the one in progress.
    ///
    /// # Errors
    /// No such app, or no such release.
    pub fn begin_rollout(
        &mut self,
        name: &AppName,
        release: NewRelease,
        cause: impl Into<Cause>,
        world: &mut World<'_>,
    ) -> Result<RolloutTicket, Refusal> {
        let Cause { kind, strategy } = cause.into();
        let id = RolloutId(self.next_rollout);
        let app = self.known_mut(name)?;
        let mut changes = Vec::new();
        let to = match release {
            NewRelease::Made(made) => {
                let (to, made) = (made.id, Arc::from(made));
                changes.push(Change::PutRelease { app: name.clone(), release: Arc::clone(&made) });
                changes.push(app.note(world.now, What::ReleaseMade { release: to }));
                app.releases.insert(to, made);
                to
            }
            NewRelease::Kept(to) if app.releases.contains_key(&to) => to,
            NewRelease::Kept(to) => {
                return Err(Refusal {
                    kind: ErrorKind::NotFound,
                    message: format!("{name} has no release {to}"),
                    hint: Some(format!("`gapless releases {name}` lists those that are kept")),
                    about: None,
                });
            }
        };
        app.next_release = app.next_release.max(to.0 + 1);
        let after = app.active.as_ref().map(|a| a.rollout.id);
        let superseded = match after {
            Some(_) => app.queued.replace(Queued { id, to, kind, strategy }),
            None => None,
        };
        changes.extend(app.record());
        if let Some(old) = &superseded {
            changes.push(app.note(world.now, What::RolloutSuperseded { kind: old.kind, by: kind }));
        }
        if after.is_some() {
            changes.push(app.queue_record());
        }
        self.next_rollout += 1;
        world.journal.commit(0, changes);
        if let Some(old) = &superseded {
            let by = kind.word();
            let message = format!("a later `gapless {by}` of {name} took its place before it began");
            self.close(old.id, Closed::Dropped { message });
        }
        if after.is_none() {
            self.start_rollout(name, &Queued { id, to, kind, strategy }, world);
        }
        self.touch(name);
        let supersedes = superseded.map(|q| q.id);
        Ok(RolloutTicket { after, supersedes, ..RolloutTicket::new(id, to) })
    }

    /// The rollout of an app that has not ended and is not being taken back, the last in the queue.
    pub fn under_way(&self, name: &AppName) -> Option<RolloutTicket> {
        let app = self.apps.get(name)?;
        let active = app.active.as_ref().filter(|a| !a.rollout.has_ended());
        let ticket = |rollout, to, after| RolloutTicket { after, ..RolloutTicket::new(rollout, to) };
        match &app.queued {
            Some(queued) => Some(ticket(queued.id, queued.to, active.map(|a| a.rollout.id))),
            None => active.filter(|a| !a.is_returning()).map(|a| ticket(a.rollout.id, a.rollout.to, None)),
        }
    }

    fn start_rollout(&mut self, name: &AppName, queued: &Queued, world: &mut World<'_>) {
        // Also if there is no proxy yet: the one that comes may have counted long before.
        let opens_at = self.routes.upcoming();
        let Some(app) = self.apps.get_mut(name) else { return };
        // An app that is stopped or broken, or has no instances, has nothing that serves and could be gone
        // back to.
        let stands = app.run == Run::Running && !app.instances.is_empty() && !app.is_broken();
        let from = app.current.filter(|_| stands);
        if from == Some(queued.to) {
            // It waited for one that was taken back to just this release: there is nothing to roll out, and
            // nothing that this release's instances ever did wrong is to be held against it.
            world.journal.commit(0, vec![app.queue_record()]);
            let message = format!("{name} is on release {} by itself", queued.to);
            return self.close(queued.id, Closed::Dropped { message });
        }
        let strategy = match queued.strategy.unwrap_or(app.settings.rollout.strategy) {
            // There is no other set, or nobody whose requests could be turned.
            Strategy::BlueGreen if from.is_none() || !app.is_routed() => Strategy::Rolling,
            strategy => strategy,
        };
        let rollout = Rollout {
            id: queued.id,
            app: name.clone(),
            kind: queued.kind,
            from,
            to: queued.to,
            strategy,
            phase: RolloutPhase::Replacing { since: world.now.moment },
            paused: None,
            began: world.now.moment,
            began_at: world.now.wall,
            preview: (strategy == Strategy::BlueGreen).then(|| app.open_preview(None, world.platform)),
        };
        app.run = Run::Running;
        if from.is_none() {
            app.current = Some(queued.to);
        }
        let began = What::RolloutBegan { rollout: queued.id, kind: queued.kind, from, to: queued.to };
        let active = Active::begin(rollout, Ledger::opening_at(app.is_routed().then_some(opens_at)));
        let mut changes = vec![
            Change::PutRollout(Box::new(active.record())),
            app.queue_record(),
            app.note(world.now, began),
        ];
        app.active = Some(active);
        changes.extend(app.record());
        world.journal.commit(0, changes);
        self.routes.send_again();
        self.touch(name);
    }

    /// The rollout begins a phase that was decided and journaled. If it has ended, the app is told so.
    pub(super) fn begin_phase(&mut self, name: &AppName, world: &mut World<'_>) {
        let upcoming = self.routes.upcoming();
        let proxy = self.routes.proxies.serving().is_some();
        let Some(app) = self.apps.get_mut(name) else { return };
        let routed = app.is_routed();
        let Some(active) = &mut app.active else { return };
        let RolloutPhase::Ended { outcome, .. } = &active.rollout.phase else { return };
        let (to, from) = (active.rollout.to, active.rollout.from);
        let completed = matches!(outcome, Outcome::Completed);
        let mark = match outcome {
            Outcome::Completed => Some(Mark::Good),
            Outcome::Aborted {
                why: AbortReason::InstanceFailed { .. } | AbortReason::NotVerified { .. },
            }
            | Outcome::Failed { why: AbortReason::InstanceFailed { .. } } => Some(Mark::Bad),
            // That says nothing of it: what was known of it before stays known.
            Outcome::Aborted { .. } | Outcome::Failed { .. } => None,
        };
        // Who goes back does not want to come by it again.
        let left =
            from.filter(|from| completed && active.rollout.kind == RolloutKind::Rollback && *from > to);
        app.last_failure = match outcome {
            Outcome::Completed => None,
            Outcome::Aborted { why } | Outcome::Failed { why } => Some(format!("{to}: {why}")),
        };
        app.current = if completed || from.is_none() { Some(to) } else { from };
        active.wait_for_last_count(upcoming, world.now.moment);
        let mut changes: Vec<_> = app.record().into_iter().collect();
        let left = left.and_then(|left| app.releases.get(&left)).map(|left| left.original());
        for release in app.releases.values_mut() {
            Arc::make_mut(release).mark = match mark {
                Some(mark) if release.id == to => mark,
                _ if Some(release.original()) == left && release.id != to => Mark::Bad,
                _ => continue,
            };
            changes.push(Change::PutRelease { app: name.clone(), release: Arc::clone(release) });
            let (release, mark) = (release.id, release.mark);
            world.platform.tidy(Errand::Mark { app: name.clone(), release, mark });
        }
        world.journal.commit(0, changes);
        if let Some(release) = app.current {
            world.platform.tidy(Errand::Activate { app: name.clone(), release });
        }
        if routed && proxy {
            self.routes.send_again();
        } else {
            self.close_rollout(name, world);
        }
    }

    /// Writes the receipt, and lets the next one begin.
    pub(super) fn close_rollout(&mut self, name: &AppName, world: &mut World<'_>) {
        let Some(app) = self.apps.get_mut(name) else { return };
        let Some(active) = app.active.take() else { return };
        let RolloutPhase::Ended { at, outcome } = &active.rollout.phase else {
            app.active = Some(active);
            return;
        };
        let receipt = active.receipt(*at, outcome.clone());
        let culprit = match outcome {
            Outcome::Aborted { why: AbortReason::InstanceFailed { instance, .. } }
            | Outcome::Failed { why: AbortReason::InstanceFailed { instance, .. } } => Some(instance.clone()),
            _ => None,
        };
        *match outcome {
            Outcome::Completed => &mut app.tally.completed,
            Outcome::Aborted { .. } => &mut app.tally.aborted,
            Outcome::Failed { .. } => &mut app.tally.failed,
        } += 1;
        let (id, began) = (active.rollout.id, active.rollout.began_at);
        let mut record = active.record();
        record.receipt = Some(receipt.clone());
        let ended =
            What::RolloutEnded { rollout: id, outcome: outcome.clone(), receipt: Box::new(receipt.clone()) };
        let mut changes = vec![Change::PutRollout(Box::new(record)), app.note(world.now, ended)];
        let next = app.queued.take();
        changes.extend(app.prune(next.as_ref(), world));
        world.journal.commit(0, changes);
        self.close(id, Closed::Ended { receipt: Box::new(receipt), culprit, began });
        if let Some(next) = next {
            self.start_rollout(name, &next, world);
        }
        self.touch(name);
    }

    /// Begins the rollout that waits, when there is none that it would wait for.
    pub(super) fn begin_queued(&mut self, name: &AppName, world: &mut World<'_>) {
        let next = self.apps.get_mut(name).and_then(|app| app.queued.take());
        if let Some(next) = next {
            self.start_rollout(name, &next, world);
        }
    }

    pub(super) fn close(&mut self, id: RolloutId, closed: Closed) {
        self.closed.insert(id, closed);
        while self.closed.len() > CLOSED_KEPT {
            self.closed.pop_first();
        }
        self.version += 1;
    }
}

impl App {
    /// Gives up the oldest releases that nobody could want back.
    fn prune(&mut self, next: Option<&Queued>, world: &mut World<'_>) -> Vec<Change> {
        let used = |id: &ReleaseId| {
            self.current == Some(*id)
                || next.is_some_and(|q| q.to == *id)
                || self.instances.values().any(|i| i.view.release == *id)
        };
        // Reloads make many that differ in nothing: of those one is enough, and nothing else goes for them.
        let again = |release: &Release| {
            let same = |other: &Release| other.original() == release.original() && other.mark == Mark::Good;
            self.releases.values().any(|other| other.id > release.id && same(other))
        };
        let mut unused: Vec<_> = self.releases.values().filter(|r| !used(&r.id)).collect();
        unused.sort_by_key(|release| (!again(release), release.id));
        let unused: Vec<_> = unused.into_iter().map(|release| release.id).collect();
        let surplus = &unused[..unused.len().saturating_sub(RELEASES_KEPT)];
        if surplus.is_empty() {
            return Vec::new();
        }
        self.releases.retain(|id, _| !surplus.contains(id));
        world.platform.tidy(Errand::Prune { app: self.name.clone(), releases: surplus.to_vec() });
        surplus.iter().map(|id| Change::DeleteRelease { app: self.name.clone(), release: *id }).collect()
    }
}
