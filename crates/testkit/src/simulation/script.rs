//! The user, and the misfortunes.

use super::event::{Event, Turn};
use super::scenario::{Act, Character};
use super::spec;
use super::world::World;
use gapless_control::engine::{Cause, Input, NewRelease};
use gapless_model::RolloutKind;

impl World {
    /// Makes an app known and starts it.
    pub(super) fn define(&mut self, app: usize) {
        self.up(app, self.scenario.apps[app].first);
    }

    fn up(&mut self, app: usize, release: Character) {
        let shape = self.scenario.apps[app].clone();
        let (name, settings) = (spec::name(app), spec::settings(app, &shape));
        self.act(|engine, world| {
            engine.configure(&name, &settings, world);
            engine.settle(world);
        });
        // Control may have died of it.
        if self.control.is_some() {
            self.roll_out(app, release, RolloutKind::Up.into());
        }
    }

    fn roll_out(&mut self, app: usize, character: Character, cause: Cause) {
        let name = spec::name(app);
        let routed = self.scenario.apps[app].routed;
        let to = self.control_mut().engine.reserve_release(&name);
        self.characters.insert((name.clone(), to), character);
        self.act(|engine, world| {
            let made = NewRelease::Made(Box::new(spec::release(to, routed)));
            // Refused if the app is not known.
            let _ = engine.begin_rollout(&name, made, cause, world);
            engine.settle(world);
        });
    }

    /// Something of the script happens.
    pub(super) fn perform(&mut self, act: Act) {
        self.trace(|| format!("* {act:?}"));
        let now = self.queue.now;
        match act {
            Act::KillControl => self.kill_control(),
            Act::Boot => self.boot(),
            Act::Upgrade => self.upgrade(),
            Act::ClockJumps(by) => self.wall = self.wall.saturating_add_signed(by),
            Act::KillProxy(away) => self.kill_proxy(away),
            Act::LoseAcknowledgements(ms) => self.deaf_until = now + ms,
            Act::LagWorker(worker, ms) => self.lag = Some((worker, ms, now + ms)),
            Act::FullDisk(ms) => {
                self.journal.fill(now + ms);
                self.queue.after(ms, Event::DiskFree);
            }
            Act::SlowDisk(ms) => self.journal.slow_down(ms, now + ms),
            Act::Crash(place) => drop(self.befall(place, Turn::Ends { code: 134 })),
            Act::Wedge(place) => drop(self.befall(place, Turn::Wedges)),
            Act::Outgrow(place) => self.outgrow(place),
            Act::Unready(place, ms) => {
                if let Some(pid) = self.befall(place, Turn::Ready(false)) {
                    self.queue.after(ms, Event::Process { pid, turn: Turn::Ready(true) });
                }
            }
            _ => self.command(act),
        }
    }

    fn befall(&mut self, place: usize, turn: Turn) -> Option<u32> {
        let pids: Vec<u32> = self.running.values().copied().collect();
        let pid = *pids.get(place.checked_rem(pids.len())?)?;
        self.turn(pid, turn);
        Some(pid)
    }

    /// Control measures that an instance takes too much; one that is away measures nothing.
    fn outgrow(&mut self, place: usize) {
        let pids: Vec<u32> = self.running.values().copied().collect();
        let Some(pid) = place.checked_rem(pids.len()).and_then(|place| pids.get(place).copied()) else {
            return;
        };
        if self.control.is_some() {
            let used = [(pid, spec::MAX_MEMORY + 1)].into();
            self.act(|engine, world| {
                engine.handle(Input::Memory(used), world);
                engine.settle(world);
            });
        }
    }

    /// A user's command; refused, as it may be, or given while there is nobody to take it.
    fn command(&mut self, act: Act) {
        if self.control.is_none() {
            return;
        }
        let apps = self.scenario.apps.len();
        let name = |place: usize| spec::name(place % apps);
        if let Act::Deploy(app, character) = act {
            return self.roll_out(app % apps, character, RolloutKind::Deploy.into());
        }
        if let Act::DeployBy(app, character, strategy) = act {
            let cause = Cause { kind: RolloutKind::Deploy, strategy: Some(strategy) };
            return self.roll_out(app % apps, character, cause);
        }
        if let Act::Up(app, character) = act {
            return self.up(app % apps, character);
        }
        self.act(|engine, world| {
            // What is refused changes nothing.
            let _ = match act {
                Act::Scale(app, to) => engine.scale(&name(app), to, world),
                Act::Pause(app) => engine.pause(&name(app), true, world),
                Act::Resume(app) => engine.pause(&name(app), false, world),
                Act::Abort(app) => engine.abort(&name(app), world),
                Act::Promote(app) => engine.promote(&name(app), world),
                Act::Stop(app) => engine.stop(&name(app), world),
                Act::Start(app) => engine.start(&name(app), world),
                Act::Restart(app) => engine.restart(&name(app), world),
                Act::Delete(app) => engine.delete(&name(app), world),
                Act::Rollback(app) => engine.rollback(&name(app), None, world).map(|_| String::new()),
                _ => Ok(String::new()),
            };
            engine.settle(world);
        });
    }

    /// The script is over: what was paused goes on. Control may die of it, and be asked again.
    pub(super) fn resume_all(&mut self) {
        for app in 0..self.scenario.apps.len() {
            if self.is_paused(app) {
                self.perform(Act::Resume(app));
            }
        }
    }

    fn is_paused(&self, app: usize) -> bool {
        let status = self.control.as_ref().map(|c| self.status(&c.engine)).unwrap_or_default();
        let rollout = status.into_iter().find(|a| a.name == spec::name(app)).and_then(|a| a.rollout);
        rollout.is_some_and(|r| r.paused.is_some())
    }
}
