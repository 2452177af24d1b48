//! What must hold on the way, and in the end.

use super::orders::{Dictation, Order};
use super::proxy::{Held, Proxy};
use super::report::{Broken, End};
use super::scenario::{Act, Checks, Fate, Policy};
use super::spec;
use super::world::World;
use gapless_api::status::AppStatus;
use gapless_control::engine::{Engine, Now, Recovery, Run, World as EngineWorld};
use gapless_model::{
    AppName, InstanceId, Moment, Outcome, Receipt, ReleaseId, RolloutPhase, Strategy, WallTime,
};
use gapless_routing::{Duty, Snapshot};
use gapless_store::{Change, RolloutRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often in a row a rollout may be seen without anything that it waits for.
const IDLE: u32 = 3;

/// How long news of an instance may be on their way to control.
const NEWS: u64 = 20;

impl World {
    /// Invariant 3: no stop signal before every worker has a split without it, and its work is done or its deadline has
    /// passed.
    pub(super) fn check_stop(&mut self, id: &InstanceId, hangs: bool) {
        let Some(pid) = self.process_of(id).filter(|p| !p.leaving).map(|p| p.id.pid) else { return };
        let instance = id.to_string();
        if self.proxies.iter().any(|p| p.routes_to(id)) {
            self.broken(Broken::StoppedWhileRouted { instance: instance.clone() });
        }
        if hangs {
            return;
        }
        let retiring = self.retiring.get(id).copied();
        if !retiring.is_some_and(|(_, written)| written || self.journal.is_full(self.queue.now)) {
            self.broken(Broken::StoppedUnwritten { instance: instance.clone() });
        }
        let in_flight = self.proxies.iter().filter_map(|p| p.in_flight.get(&pid));
        let requests: u32 = in_flight.map(|of| of.requests + of.upgraded).sum();
        let due = retiring.is_some_and(|(r, _)| self.queue.now >= r.drain_deadline.as_millis());
        if requests > 0 && !due {
            self.broken(Broken::StoppedAtWork { instance, requests });
        }
    }

    /// An instance that runs for an app that is known is never a stray.
    pub(super) fn check_stray(&mut self, pid: u32) {
        if !self.journal.lost_acted {
            self.broken(Broken::StrayEnded { pid });
        }
    }

    /// 1. A split never names an instance that has not been ready.
    pub(super) fn check_routed(&mut self, snapshot: &Snapshot) {
        let serving = snapshot.apps.iter().flat_map(|a| &a.backends).filter(|b| b.duty != Duty::Finish);
        let old_news = self.queue.now.saturating_sub(NEWS);
        let never: Vec<String> = serving
            .filter(|b| self.process_of(&b.instance).is_some_and(|p| !p.served && p.id.started < old_news))
            .map(|b| b.instance.to_string())
            .collect();
        // What a full disk did not take is not known to a later control: it goes by what listens.
        if !self.journal.lost_acted {
            for instance in never {
                self.broken(Broken::RoutedToTheUnready { instance });
            }
        }
    }

    /// While a rollout flips, the new release never shares the traffic with another. A later control does not know
    /// of a side that a full disk did not take: it keeps whatever serves.
    pub(super) fn check_sides(&mut self, snapshot: &Snapshot) {
        if self.journal.lost_acted {
            return;
        }
        for app in &snapshot.apps {
            let Some(to) = self.flipping.get(&app.app).copied().flatten() else { continue };
            let serving = app.backends.iter().filter(|b| matches!(b.duty, Duty::Serve { .. }));
            let (new, old): (Vec<_>, Vec<_>) = serving.partition(|b| b.release == to);
            if !new.is_empty() && !old.is_empty() {
                let (app, of) = (app.app.to_string(), snapshot.generation.0);
                self.broken(Broken::TwoSidesServe { app, generation: of });
            }
        }
    }

    /// Invariant 2: what a worker can send requests to is never less than the floor, as long as instances do not fail
    /// after they were ready and nobody wants fewer.
    pub(super) fn check_capacity(&mut self, pid: u32, worker: usize) {
        for app in 0..self.scenario.apps.len() {
            let Some(floor) = self.firm_floor(app) else { continue };
            let name = spec::name(app);
            let Some(proxy) = self.proxy(pid) else { return };
            let can = |id: &&InstanceId| self.process_of(id).is_some_and(|p| p.can_serve());
            let serving = proxy.serving(worker, &name).filter(can).count();
            if serving < floor {
                self.broken(Broken::TooFewServe { app: name.to_string(), worker, serving, floor });
            }
        }
    }

    /// An app without any surge may be one that cannot run twice.
    pub(super) fn check_room(&mut self, app: &AppName) {
        let Some(place) = self.shape(app) else { return };
        let shape = &self.scenario.apps[place];
        if shape.max_surge > 0
            || self.journal.lost_acted
            || self.is_replaced_otherwise(place, Strategy::Rolling)
        {
            return;
        }
        let apps = self.scenario.apps.len();
        let scaled = self.scenario.script.iter().filter_map(|(_, act)| match act {
            Act::Scale(of, to) if of % apps == place => Some(*to),
            _ => None,
        });
        let allowed = scaled.fold(shape.wanted, u32::max) as usize;
        let running = self.running.keys().filter(|id| id.app() == app).count();
        if running > allowed {
            self.broken(Broken::TooManyRun { app: app.to_string(), running, allowed });
        }
    }

    /// Whether releases of the app at this place are ever replaced by another strategy than this one.
    fn is_replaced_otherwise(&self, place: usize, strategy: Strategy) -> bool {
        let apps = self.scenario.apps.len();
        self.scenario.apps[place].strategy != strategy
            || self.scenario.script.iter().any(
                |(_, act)| matches!(act, Act::DeployBy(of, _, by) if of % apps == place && *by != strategy),
            )
    }

    /// What cannot run twice never does: not two releases at once.
    pub(super) fn check_alone(&mut self, id: &InstanceId, release: ReleaseId) {
        let Some(place) = self.shape(id.app()) else { return };
        if self.journal.lost_acted || self.is_replaced_otherwise(place, Strategy::Recreate) {
            return;
        }
        let beside = self.running.iter().filter(|(other, _)| other.app() == id.app());
        let beside: Vec<String> = beside
            .filter(|(_, pid)| self.processes[pid].release != release)
            .map(|(other, _)| other.to_string())
            .collect();
        if !beside.is_empty() {
            self.broken(Broken::TwoReleasesAtOnce { starts: id.to_string(), beside: beside.join(", ") });
        }
    }

    /// A request was held in vain. If its worker had not been told where to send it when it came, that is
    /// because proxy and control were down together.
    pub(super) fn lost_in_hold(&mut self, pid: u32, held: &Held) {
        let told = self.proxy(pid).and_then(|p| p.routes_since(held.worker));
        let served = self.firm_floor(held.app).is_some_and(|floor| floor > 0);
        if served && told.is_some_and(|since| since <= held.since) {
            let app = spec::name(held.app).to_string();
            self.broken(Broken::RequestLost { app, why: "held in vain" });
        }
    }

    /// How many instances must serve at all times, if that can be said of this scenario.
    fn firm_floor(&self, app: usize) -> Option<usize> {
        let shape = &self.scenario.apps[app];
        let lasts = |fate| {
            !matches!(
                fate,
                Fate::CrashesAfter(_) | Fate::Flaps(..) | Fate::WedgesAfter(_) | Fate::FinishesAfter(_)
            )
        };
        let apps = self.scenario.apps.len();
        let mut wanted = shape.wanted;
        let recreated = shape.strategy == Strategy::Recreate;
        if recreated
            || !self.serves
            || !shape.routed
            || !shape.first.fate.is_good()
            || self.journal.lost_acted
        {
            return None;
        }
        for (_, act) in &self.scenario.script {
            match act {
                Act::DeployBy(of, _, Strategy::Recreate) if of % apps == app => return None,
                Act::Deploy(_, character) | Act::DeployBy(_, character, _) if !lasts(character.fate) => {
                    return None;
                }
                Act::Scale(of, to) if of % apps == app => wanted = wanted.min(*to),
                act if act.harms() || act.empties() => return None,
                _ => {}
            }
        }
        Some(wanted.saturating_sub(shape.max_unavailable) as usize)
    }

    /// 5. A rollout that goes on waits for something by name.
    pub(super) fn check_progress(&mut self) {
        let Some(control) = &self.control else { return };
        if self.journal.is_behind() {
            return;
        }
        let idle: Vec<(AppName, bool)> = self
            .status(&control.engine)
            .into_iter()
            .map(|app| {
                let goes = app.rollout.as_ref().is_some_and(|r| !r.has_ended());
                (app.name, goes && app.waiting.is_empty())
            })
            .collect();
        for (app, idle) in idle {
            let count = self.idle.entry(app.clone()).or_default();
            *count = if idle { *count + 1 } else { 0 };
            if *count == IDLE {
                self.broken(Broken::WaitsForNothing { app: app.to_string() });
            }
        }
    }

    /// Takes note of what was written.
    pub(super) fn note(&mut self, change: &Change) {
        match change {
            Change::DeleteInstance(id) => drop(self.forgotten.insert(id.clone())),
            Change::PutInstance(record) => {
                if self.forgotten.contains(&record.id) && !self.journal.lost_acted {
                    self.broken(Broken::NumberReused { instance: record.id.to_string() });
                }
                if let Some(retiring) = record.retiring {
                    self.retiring.insert(record.id.clone(), (retiring, true));
                    if self.scenario.sabotage == Some(super::scenario::Sabotage::StopsOnRetire) {
                        self.check_stop(&record.id, false);
                        self.order_stop(&record.id);
                    }
                }
            }
            Change::PutRollout(record) => {
                if let Some(receipt) = &record.receipt {
                    self.report.receipts.push(receipt.clone());
                    self.check_receipt(receipt);
                    self.check_outcome(record);
                }
            }
            _ => {}
        }
    }

    /// A receipt counts what came during its rollout, and nothing from before.
    fn check_receipt(&mut self, receipt: &Receipt) {
        let key = (receipt.app.clone(), receipt.rollout);
        let before = self.served_before.get(&key).copied().unwrap_or_default();
        let served = self.served.get(&receipt.app).copied().unwrap_or_default() - before;
        let counted = receipt.traffic.served;
        if counted > served {
            self.broken(Broken::WrongReceipt { rollout: receipt.rollout.0, counted, served });
        }
    }

    /// 4. A rollout ends as it should, and one that was taken back with the old release at 100 %.
    fn check_outcome(&mut self, record: &RolloutRecord) {
        let rollout = &record.rollout;
        let RolloutPhase::Ended { outcome, .. } = &rollout.phase else { return };
        let [to, from_fate] = [Some(rollout.to), rollout.from]
            .map(|release| release.map_or(Fate::Good, |release| self.fate(&rollout.app, release)));
        let harmed = self.scenario.script.iter().any(|(_, act)| act.harms());
        let interfered = self.scenario.script.iter().any(|(_, act)| act.interferes());
        let never_up = matches!(to, Fate::CrashesAtBoot | Fate::CannotSpawn | Fate::NeverReady);
        let completed = *outcome == Outcome::Completed;
        let policy = self.shape(&rollout.app).map(|place| self.scenario.apps[place].restart);
        let checked = rollout.strategy == Strategy::BlueGreen;
        let shape =
            self.shape(&rollout.app).map(|place| self.scenario.apps[place].clone()).unwrap_or_default();
        let unfit = checked && shape.verified && !self.passes(&rollout.app, rollout.to);
        let stumbles = to == Fate::StumblesOnce && policy == Some(Policy::Never);
        let given_up = unfit || (checked && shape.asks);
        let good = to.is_good() && !stumbles && !given_up;
        let wrong = if completed && unfit {
            Some("completed, with a release that does not pass its checks")
        } else if completed && never_up {
            Some("completed, with a release that never gets ready")
        } else if !completed && good && !interfered && !self.journal.lost_acted {
            Some("did not complete, with a good release")
        } else {
            None
        };
        if let Some(said) = wrong {
            let said = format!("{said}: {outcome:?}");
            self.broken(Broken::WrongOutcome { rollout: rollout.id.0, said });
        }
        let (Some(from), Outcome::Aborted { .. }) = (rollout.from, outcome) else { return };
        let emptied = self.scenario.script.iter().any(|(_, act)| act.empties());
        // With a full disk the receipt is seen here when the next rollout goes on already.
        if harmed || emptied || self.journal.was_full() || !from_fate.is_good() {
            return;
        }
        let (id, app) = (rollout.id.0, rollout.app.clone());
        if self.accepting().next().is_none() || self.proxies.iter().any(Proxy::is_behind) {
            return;
        }
        let workers = self.proxies.iter().flat_map(|p| (0..p.workers()).map(move |w| (p, w)));
        let others: BTreeSet<_> = workers
            .flat_map(|(proxy, worker)| proxy.serving(worker, &app))
            .filter(|id| self.process_of(id).is_some_and(|p| p.release != from))
            .collect();
        if !others.is_empty() {
            let said = format!("taken back to {from}, while {others:?} serve");
            self.broken(Broken::WrongOutcome { rollout: id, said });
        }
    }

    pub(super) fn fate(&self, app: &AppName, release: ReleaseId) -> Fate {
        self.characters.get(&(app.clone(), release)).copied().unwrap_or_default().fate
    }

    /// Whether a release passes its checks.
    fn passes(&self, app: &AppName, release: ReleaseId) -> bool {
        let character = self.characters.get(&(app.clone(), release)).copied().unwrap_or_default();
        matches!(character.checks, Checks::Pass(ms) if ms < spec::VERIFY_TIMEOUT)
    }

    pub(super) fn status(&self, engine: &Engine) -> Vec<AppStatus> {
        engine.status(self.clocks(), &BTreeMap::new())
    }

    fn clocks(&self) -> Now {
        let exact = Duration::from_millis(self.queue.now);
        Now { moment: Moment::from_millis(self.queue.now), wall: WallTime::default(), exact }
    }

    /// Why the story is not over yet; none if it is.
    pub(super) fn unsettled(&self) -> Option<(String, String)> {
        let nobody = |what: &str| Some(("Gapless".to_owned(), format!("there is no {what}")));
        let Some(control) = &self.control else { return nobody("control") };
        match self.proxies.len() {
            0 => return nobody("proxy"),
            1 => {}
            _ => return Some(("Gapless".to_owned(), "a former proxy is still there".to_owned())),
        }
        let Some(proxy) = self.accepting().next() else { return nobody("proxy that accepts") };
        for app in self.status(&control.engine) {
            if control.engine.app(&app.name).is_some_and(|app| app.run == Run::Deleted) {
                return Some((app.name.to_string(), "it was deleted and is there".to_owned()));
            }
            if let Some(why) = self.app_unsettled(&app) {
                return Some((app.name.to_string(), why));
            }
        }
        if self.journal.is_behind() {
            return Some(("Gapless".to_owned(), "the journal is behind".to_owned()));
        }
        proxy.is_behind().then(|| ("Gapless".to_owned(), "the proxy is behind".to_owned()))
    }

    fn app_unsettled(&self, app: &AppStatus) -> Option<String> {
        if let Some(rollout) = &app.rollout {
            return Some(format!(
                "rollout {} is {:?}, waiting for {:?}",
                rollout.id, rollout.phase, app.waiting
            ));
        }
        if self.waits_in_vain(app) {
            return None;
        }
        let place = self.shape(&app.name)?;
        let shape = &self.scenario.apps[place];
        let fate = app.release.map_or(Fate::Good, |release| self.fate(&app.name, release));
        let lasts = shape.restart == Policy::Always && fate.is_good();
        // Where the release itself does not last, others may stand in for it.
        let count =
            |own: bool| app.instances.iter().filter(|i| (Some(i.release) == app.release) == own).count();
        let (own, others) = (count(true), count(false));
        let wanted = app.wanted as usize;
        let right = if lasts { own + others == wanted } else { own <= wanted && own + others >= wanted };
        if !right {
            return Some(format!("{own} + {others} instances, {wanted} wanted: {:#?}", app.instances));
        }
        let mut others = app.instances.iter().filter(|i| Some(i.release) != app.release);
        if let Some(other) = others.find(|i| lasts || i.state != "ready") {
            return Some(format!("{} is of another release", other.id));
        }
        if lasts && app.ready != app.wanted {
            return Some(format!("{} ready, {} wanted: {:#?}", app.ready, app.wanted, app.instances));
        }
        let proxy = self.accepting().next()?;
        let ready: BTreeSet<&InstanceId> =
            app.instances.iter().filter(|i| i.state == "ready").map(|i| &i.id).collect();
        for worker in 0..proxy.workers() {
            let serving: BTreeSet<&InstanceId> = proxy.serving(worker, &app.name).collect();
            if shape.routed && lasts && serving != ready {
                return Some(format!("worker {worker} sends requests to {serving:?}, ready are {ready:?}"));
            }
        }
        None
    }

    /// In the end: nothing is left over, and a control that begins now knows and changes nothing.
    pub(super) fn judge(&mut self) {
        self.traffic = false;
        self.take_ends();
        if let Some((app, why)) = self.unsettled() {
            return self.broken(Broken::Unsettled { app, why });
        }
        self.check_leaks();
        self.check_memory();
    }

    /// Takes down how each app stands.
    fn take_ends(&mut self) {
        let Some(control) = &self.control else { return };
        let of = |app: &AppName| {
            let running = self.running.iter().filter(|(id, _)| id.app() == app);
            running.map(|(_, pid)| self.processes[pid].release).collect()
        };
        let status = self.status(&control.engine).into_iter();
        self.report.ends = status
            .map(|app| (app.name.clone(), End { release: app.release, running: of(&app.name) }))
            .collect();
    }

    fn check_leaks(&mut self) {
        let Some(control) = &self.control else { return };
        let known: BTreeSet<u32> = control
            .engine
            .status(self.clocks(), &BTreeMap::new())
            .into_iter()
            .flat_map(|app| app.instances)
            .filter_map(|i| i.pid)
            .collect();
        // One that has just ended, and whose end control has yet to hear of, is no leak: only those that run.
        let leaked: Vec<String> = self
            .running
            .iter()
            .filter(|(_, pid)| !known.contains(pid) && !self.processes[pid].leaving)
            .filter(|(id, pid)| {
                self.control()
                    .supervisors
                    .get(id)
                    .is_none_or(|s| s.view().process.is_none_or(|p| p.pid != **pid))
            })
            .map(|(id, pid)| format!("{id} (pid {pid}) runs, and nobody knows"))
            .collect();
        for what in leaked {
            self.broken(Broken::Forgotten { what });
        }
    }

    /// What a control that began now would make of the journal.
    fn check_memory(&mut self) {
        if self.journal.is_behind() {
            return;
        }
        let Some(control) = &self.control else { return };
        // What fails by itself goes on failing; another control may meet it in another state.
        let mut instances = self.status(&control.engine).into_iter().flat_map(|app| app.instances);
        if instances.any(|i| i.state != "ready") {
            return;
        }
        let dictation = Dictation::default();
        let (mut platform, mut journal) = (dictation.clone(), dictation.clone());
        let mut engine = Engine::new(4);
        let state = self.journal.state.clone();
        let in_progress = state.rollouts.values().filter(|r| !r.rollout.has_ended()).count();
        let recovery = Recovery { state, found: self.found(), rebooted: false };
        let now = self.clocks();
        let mut world = EngineWorld { platform: &mut platform, journal: &mut journal, now };
        engine.recover(recovery, &mut world);
        engine.settle(&mut world);
        let mut wrong = Vec::new();
        if in_progress > 0 {
            wrong.push(format!("{in_progress} rollouts are in progress in the journal"));
        }
        for order in dictation.take() {
            match order {
                Order::Start(start) => wrong.push(format!("would start {}", start.instance)),
                Order::Stop(id) => wrong.push(format!("would stop {id}")),
                Order::EndStray(process) if !self.processes[&process.pid].leaving => {
                    wrong.push(format!("would end {}", process.pid))
                }
                _ => {}
            }
        }
        let essence = |engine: &Engine| -> Vec<_> {
            let rows = self.status(engine).into_iter().map(|app| {
                let instances: Vec<_> = app.instances.into_iter().map(|i| (i.id, i.release)).collect();
                (app.name, app.release, app.wanted, instances)
            });
            rows.collect()
        };
        let (is, would_be) = (essence(&control.engine), essence(&engine));
        if is != would_be {
            wrong.push(format!("{is:?} would become {would_be:?}"));
        }
        for what in wrong {
            self.broken(Broken::Forgotten { what });
        }
    }
}
