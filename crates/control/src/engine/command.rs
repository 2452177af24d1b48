//! What a user asks of an app, beside making it as a file has it.

use super::active::Asked;
use super::rollouts::NewRelease;
use super::{App, Engine, Refusal, Run, World};
use gapless_api::{ErrorKind, RolloutTicket};
use gapless_model::event::What;
use gapless_model::release::Mark;
use gapless_model::{AppName, Instances, Release, ReleaseId, RolloutKind, RolloutPhase};
use gapless_store::Change;

impl Engine {
    /// An app that is defined.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn known(&self, name: &AppName) -> Result<&App, Refusal> {
        self.apps.get(name).filter(|a| a.run != Run::Deleted).ok_or_else(|| self.unknown(name))
    }

    pub(super) fn known_mut(&mut self, name: &AppName) -> Result<&mut App, Refusal> {
        let unknown = self.unknown(name);
        self.apps.get_mut(name).filter(|a| a.run != Run::Deleted).ok_or(unknown)
    }

    fn unknown(&self, name: &AppName) -> Refusal {
        let known: Vec<&str> = self.apps.keys().map(AppName::as_str).collect();
        Refusal {
            kind: ErrorKind::NotFound,
            message: format!("there is no app {name}"),
            hint: Some(match known.as_slice() {
                [] => "nothing is defined yet; `gapless up` does that from gapless.toml".to_owned(),
                known => format!("there are: {}", known.join(", ")),
            }),
            about: None,
        }
    }

    /// Another number of instances.
    ///
    /// # Errors
    /// No such app, or a number below 1.
    pub fn scale(&mut self, name: &AppName, to: u32, world: &mut World<'_>) -> Result<String, Refusal> {
        let cores = self.cores;
        let app = self.known_mut(name)?;
        if to == 0 {
            return Err(Refusal {
                kind: ErrorKind::BadRequest,
                message: format!("{name} cannot run with 0 instances"),
                hint: Some(format!("`gapless stop {name}` stops it and keeps its definition")),
                about: None,
            });
        }
        let from = app.settings.instances.on(cores);
        app.settings.instances = Instances::Count(to);
        let mut changes = vec![app.note(world.now, What::Scaled { from, to })];
        changes.extend(app.record());
        world.journal.commit(0, changes);
        self.touch(name);
        Ok(format!("{name}: {from} → {to} instances"))
    }

    /// Stops all instances; the definition stays.
    ///
    /// # Errors
    /// No such app.
    pub fn stop(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        self.set_run(name, Run::Stopped, What::AppStopped, world)?;
        Ok(format!("{name} is stopping"))
    }

    /// Starts a stopped app as it was.
    ///
    /// # Errors
    /// No such app.
    pub fn start(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        self.set_run(name, Run::Running, What::AppStarted, world)?;
        let mut message = format!("{name} is starting");
        for note in self.not_waited_for(std::slice::from_ref(name)) {
            message = format!("{message}; {note}");
        }
        Ok(message)
    }

    /// Stops all instances, then starts as many anew. Requests are held meanwhile.
    ///
    /// # Errors
    /// No such app.
    pub fn restart(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        let app = self.known_mut(name)?;
        if let Some(active) = &app.active {
            return Err(Refusal {
                kind: ErrorKind::Conflict,
                message: format!("rollout {} of {name} is in progress", active.rollout.id),
                hint: Some(format!("wait for it, or take it back with `gapless abort {name}`")),
                about: None,
            });
        }
        let run = if app.instances.is_empty() { Run::Running } else { Run::Restarting };
        self.set_run(name, run, What::AppStarted, world)?;
        Ok(format!("{name} is restarting"))
    }

    /// Stops all instances, then forgets the app. Its logs stay. That it is to be forgotten is written at
    /// once, and it is when its last instance is gone: a control that dies meanwhile leaves no stray behind.
    ///
    /// # Errors
    /// No such app.
    pub fn delete(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        self.set_run(name, Run::Deleted, What::AppDeleted, world)?;
        Ok(format!("{name} is being deleted"))
    }

    fn set_run(
        &mut self,
        name: &AppName,
        run: Run,
        what: What,
        world: &mut World<'_>,
    ) -> Result<(), Refusal> {
        let app = self.known_mut(name)?;
        app.run = run;
        if matches!(run, Run::Stopped | Run::Deleted) {
            app.launched = false;
        }
        let dropped = if matches!(run, Run::Stopped | Run::Deleted) { app.queued.take() } else { None };
        let mut changes = vec![app.note(world.now, what), app.queue_record()];
        changes.extend(app.record());
        world.journal.commit(0, changes);
        if let Some(queued) = dropped {
            let message = format!("{name} was stopped before it began");
            self.close(queued.id, super::Closed::Dropped { message });
        }
        self.routes.change();
        self.touch(name);
        Ok(())
    }

    /// Holds a rollout where it is, or lets it go on.
    ///
    /// # Errors
    /// No such app, no rollout in progress, or one that cannot be held any more.
    pub fn pause(&mut self, name: &AppName, hold: bool, world: &mut World<'_>) -> Result<String, Refusal> {
        let app = self.known_mut(name)?;
        let active = app.revocable()?;
        active.rollout.paused = hold.then_some(world.now.moment);
        let id = active.rollout.id;
        let record = active.record();
        let what =
            if hold { What::RolloutPaused { rollout: id } } else { What::RolloutResumed { rollout: id } };
        let changes = vec![Change::PutRollout(Box::new(record)), app.note(world.now, what)];
        world.journal.commit(0, changes);
        self.touch(name);
        let word = if hold { "is paused" } else { "goes on" };
        Ok(format!("rollout {id} of {name} {word}"))
    }

    /// Takes a rollout back.
    ///
    /// # Errors
    /// No such app, no rollout in progress, or one past its point of no return.
    pub fn abort(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        let app = self.known_mut(name)?;
        let active = app.revocable()?;
        let rollout = &active.rollout;
        let back =
            rollout.from.map_or_else(|| "stops".to_owned(), |from| format!("goes back to release {from}"));
        let message = format!("rollout {} is taken back: {name} {back}", rollout.id);
        active.asked = Some(Asked::Abort);
        world.journal.commit(0, vec![Change::PutRollout(Box::new(active.record()))]);
        self.touch(name);
        Ok(message)
    }

    /// Lets a new release that has passed its checks be public; or, if it is, ends the bake now, the release taken
    /// as proven.
    ///
    /// # Errors
    /// No such app, no rollout in progress, or one that is not there yet.
    pub fn promote(&mut self, name: &AppName, world: &mut World<'_>) -> Result<String, Refusal> {
        let app = self.known_mut(name)?;
        let active = app.revocable()?;
        let to = active.rollout.to;
        let conflict = |message: String, hint: String| Refusal {
            kind: ErrorKind::Conflict,
            message,
            hint: Some(hint),
            about: None,
        };
        match active.rollout.phase {
            RolloutPhase::Baking { .. } => {}
            RolloutPhase::Verified { .. } if active.rollout.paused.is_none() => {}
            RolloutPhase::Verified { .. } => {
                let message = format!("the rollout of {name} to {to} is paused");
                return Err(conflict(message, format!("`gapless resume {name}` first")));
            }
            RolloutPhase::Verifying { .. } => {
                let message = format!("release {to} of {name} has not passed its checks yet");
                return Err(conflict(message, format!("`gapless status {name}` shows when it has")));
            }
            _ => {
                let message = format!("release {to} of {name} does not have all traffic yet");
                let hint = "it goes on by itself as soon as its instances are ready".to_owned();
                return Err(conflict(message, hint));
            }
        }
        let message = format!("release {to} of {name} is promoted");
        active.asked = Some(Asked::Promote);
        world.journal.commit(0, vec![Change::PutRollout(Box::new(active.record()))]);
        self.touch(name);
        Ok(message)
    }

    /// Returns to an earlier release. If the rollout in progress is from just that one, it is taken back.
    ///
    /// # Errors
    /// No such app or release, or nothing to return to.
    pub fn rollback(
        &mut self,
        name: &AppName,
        to: Option<ReleaseId>,
        world: &mut World<'_>,
    ) -> Result<RolloutTicket, Refusal> {
        let app = self.known_mut(name)?;
        let waits = app.queued.is_some();
        if let Ok(active) = app.revocable()
            && let Some(from) = active.rollout.from.filter(|from| !waits && to.is_none_or(|to| to == *from))
        {
            let rollout = active.rollout.id;
            self.abort(name, world)?;
            return Ok(RolloutTicket { back: true, ..RolloutTicket::new(rollout, from) });
        }
        let to = self.rollback_target(name, to)?;
        self.begin_rollout(name, NewRelease::Kept(to), RolloutKind::Rollback, world)
    }

    /// The release that `rollback` returns to: the one asked for, or the last good one before the current.
    ///
    /// # Errors
    /// No such app or release, or nothing to return to.
    fn rollback_target(&mut self, name: &AppName, to: Option<ReleaseId>) -> Result<ReleaseId, Refusal> {
        let app = self.known_mut(name)?;
        let (current, original) = (app.latest().map(|r| r.id), app.latest().map(Release::original));
        let refuse = |message: String| Refusal {
            kind: ErrorKind::NotFound,
            message,
            hint: Some(format!("`gapless releases {name}` lists those that are kept")),
            about: None,
        };
        match to {
            Some(to) if !app.releases.contains_key(&to) => Err(refuse(format!("{name} has no release {to}"))),
            Some(to) if Some(to) == current => Err(Refusal {
                kind: ErrorKind::Conflict,
                ..refuse(format!("{name} is on release {to} already"))
            }),
            Some(to) => Ok(to),
            None => app
                .releases
                .values()
                .rev()
                // New processes of what runs are nothing to go back to.
                .filter(|r| Some(r.original()) != original)
                .find(|r| r.mark == Mark::Good && current.is_none_or(|c| r.id < c))
                .map(|r| r.id)
                .ok_or_else(|| refuse(format!("{name} has no good release before the current one"))),
        }
    }
}

impl App {
    /// The rollout in progress, if it can still be held or taken back.
    fn revocable(&mut self) -> Result<&mut super::active::Active, Refusal> {
        let name = &self.name;
        let Some(active) = self.active.as_mut().filter(|a| !a.rollout.has_ended()) else {
            return Err(Refusal {
                kind: ErrorKind::Conflict,
                message: format!("{name} has no rollout in progress"),
                hint: Some(format!("`gapless rollback {name}` returns to an earlier release")),
                about: None,
            });
        };
        match active.rollout.phase {
            RolloutPhase::Replacing { .. }
            | RolloutPhase::Verifying { .. }
            | RolloutPhase::Verified { .. }
            | RolloutPhase::Baking { .. } => Ok(active),
            RolloutPhase::Returning { .. } => Err(Refusal {
                kind: ErrorKind::Conflict,
                message: format!("rollout {} of {name} is being taken back already", active.rollout.id),
                hint: None,
                about: None,
            }),
            RolloutPhase::Retiring { .. } | RolloutPhase::Ended { .. } => Err(Refusal {
                kind: ErrorKind::Conflict,
                message: format!(
                    "rollout {} of {name} is past its point of no return: the old instances are going",
                    active.rollout.id
                ),
                hint: Some(format!("`gapless rollback {name}` returns to the earlier release")),
                about: None,
            }),
        }
    }
}
