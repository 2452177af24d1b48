//! Control: the real engine with an inbox. It is killed between any two of its steps, and begun anew with what
//! the journal had written.

use super::event::{Event, Turn};
use super::journal::Answer;
use super::orders::{Dictation, Order};
use super::point::Place;
use super::proxy::ToProxy;
use super::report::Broken;
use super::scenario::Sabotage;
use super::spec;
use super::supervisor::Supervisor;
use super::world::World;
use gapless_control::engine::{Engine, Input, Now, Recovery, World as EngineWorld};
use gapless_control::platform::AdoptOrder;
use gapless_model::instance::InstanceView;
use gapless_model::{AppName, InstanceId, InstanceState, Moment, RolloutId, Strategy, WallTime};
use gapless_routing::Snapshot;
use gapless_store::Change;
use std::collections::BTreeMap;
use std::time::Duration;

/// A control process.
#[derive(Debug)]
pub(super) struct Control {
    /// Which one, counted from 1.
    pub(super) number: u64,
    pub(super) engine: Engine,
    pub(super) supervisors: BTreeMap<InstanceId, Supervisor>,
    /// Which version of Gapless it is.
    version: u32,
    /// Whether it has seen to a proxy of its own version.
    succeeded: bool,
    /// The rollouts whose releases are being checked.
    pub(super) verifying: BTreeMap<AppName, RolloutId>,
    /// When what was sent to it last arrives: its inbox keeps the order.
    inbox: u64,
    tick: Option<u64>,
    /// Decisions may have been made that no tick has been set for.
    dictation: Dictation,
}

impl World {
    /// A control begins, and takes up what it finds.
    pub(super) fn start_control(&mut self) {
        self.report.controls += 1;
        let number = self.report.controls;
        self.trace(|| format!("control {number} begins"));
        self.control = Some(Control {
            number,
            engine: Engine::new(4),
            supervisors: BTreeMap::new(),
            version: self.version,
            succeeded: false,
            verifying: BTreeMap::new(),
            inbox: self.queue.now,
            tick: None,
            dictation: Dictation::default(),
        });
        let (rebooted, note) = (self.rebooted(), self.note_boot());
        let recovery = Recovery { state: self.journal.state.clone(), found: self.found(), rebooted };
        self.begin_order(rebooted);
        self.act(|engine, world| {
            engine.recover(recovery, world);
            if let Some(note) = note {
                world.journal.commit(0, vec![note]);
            }
            engine.settle(world);
        });
        self.connect();
    }

    /// Control ends for one of the next version.
    pub(super) fn upgrade(&mut self) {
        self.version += 1;
        self.kill_control();
    }

    /// Control is killed. What it had not written is lost, and nobody waits for what it waited for.
    pub(super) fn kill_control(&mut self) {
        let Some(dead) = self.control.take() else { return };
        self.trace(|| format!("control {} is killed", dead.number));
        self.journal.lose_tail();
        self.queue.after(self.scenario.away.max(1), Event::ControlStarts);
    }

    /// Control reaches out for the proxies.
    pub(super) fn connect(&mut self) {
        if let (Some(control), false) = (&self.control, self.proxies.is_empty()) {
            let control = control.number;
            let delay = self.rng.u64(1..=5);
            let proxies = self.proxies.iter().map(|p| p.pid).collect();
            self.queue.after(delay, Event::Found { control, proxies });
        }
    }

    /// One proxy of control's own version follows the one that serves, as `keep_ours` sees to it: tried once.
    fn see_to_successor(&mut self) {
        let Some(control) = &mut self.control else { return };
        let Some(pid) = control.engine.proxy().filter(|_| !control.succeeded) else { return };
        control.succeeded = true;
        let version = control.version;
        if self.proxy(pid).is_some_and(|p| p.version != version) {
            let takes = self.rng.u64(1..=40);
            self.queue.after(takes, Event::SuccessorStarts { version });
        }
    }

    /// Something is on its way to control.
    pub(super) fn tell_control(&mut self, input: Input) {
        self.tell_control_all(vec![input]);
    }

    /// Several things are, of which none is known without the others.
    pub(super) fn tell_control_all(&mut self, inputs: Vec<Input>) {
        let lag = self.rng.u64(0..=2);
        let Some(control) = &mut self.control else { return };
        control.inbox = control.inbox.max(self.queue.now + lag);
        let event = Event::Input { control: control.number, inputs };
        self.queue.at(control.inbox, event);
    }

    /// Something has reached control.
    pub(super) fn input(&mut self, inputs: Vec<Input>) {
        if self.step_kills() {
            return;
        }
        inputs.iter().for_each(|input| self.trace(|| format!("→ {}", said(input))));
        self.act(|engine, world| {
            inputs.into_iter().for_each(|input| engine.handle(input, world));
            engine.settle(world);
        });
        self.see_to_successor();
    }

    /// Control's own timer has run out.
    pub(super) fn tick(&mut self, at: u64) {
        if self.control().tick != Some(at) {
            return;
        }
        self.control_mut().tick = None;
        let before = self.control().engine.wake();
        self.input(vec![Input::Tick]);
        let now = self.queue.now;
        let Some(wake) = self.control.as_ref().and_then(|c| c.engine.wake()) else { return };
        if wake.as_millis() <= now && before == Some(wake) {
            self.broken(Broken::Spins { wake: wake.as_millis() });
        }
    }

    /// Lets the engine act, then carries out what it ordered.
    pub(super) fn act<T>(&mut self, what: impl FnOnce(&mut Engine, &mut EngineWorld<'_>) -> T) -> T {
        let (now, wall) = (self.queue.now, self.wall);
        let control = self.control_mut();
        let (mut platform, mut journal) = (control.dictation.clone(), control.dictation.clone());
        let moment = Moment::from_millis(now);
        let exact = Duration::from_millis(now);
        let now = Now { moment, wall: WallTime::from_millis(wall + now), exact };
        let mut world = EngineWorld { platform: &mut platform, journal: &mut journal, now };
        let answer = what(&mut control.engine, &mut world);
        for order in control.dictation.take() {
            if self.step_kills() {
                return answer;
            }
            let effect = order.effect();
            if self.dies_at(effect.map_or(Place::BeforeWrite, Place::Before)) {
                return answer;
            }
            self.carry_out(order);
            let died = effect.is_some_and(|effect| self.dies_at(Place::After(effect)));
            if died || self.control.is_none() {
                return answer;
            }
        }
        self.set_tick();
        answer
    }

    fn set_tick(&mut self) {
        let now = self.queue.now;
        let control = self.control_mut();
        let Some(wake) = control.engine.wake() else { return };
        // As in the real loop: clocks round down.
        let at = wake.as_millis().max(now) + 1;
        if control.tick.is_none_or(|set| set > at || set <= now) {
            control.tick = Some(at);
            let control = control.number;
            self.queue.at(at, Event::Tick { control, at });
        }
    }

    /// Counts a step of control's, and kills it if the scenario says so.
    fn step_kills(&mut self) -> bool {
        if !self.serves {
            return false;
        }
        self.report.steps += 1;
        let kills = self.kills.contains(&self.report.steps);
        if kills {
            self.kill_control();
        }
        kills
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Start(start) => {
                let start = *start;
                self.trace(|| format!("  start {}", start.instance));
                if self.process_of(&start.instance).is_some() {
                    self.broken(Broken::StartedTwice { instance: start.instance.to_string() });
                }
                self.supervise(start);
            }
            Order::Adopt(order) => self.order_adopt(*order),
            Order::Stop(id) => {
                self.trace(|| format!("  stop {id}"));
                if self.scenario.sabotage != Some(Sabotage::IgnoresStop) {
                    self.check_stop(&id, false);
                    self.order_stop(&id);
                }
            }
            Order::Restart(id) => {
                self.trace(|| format!("  restart {id}"));
                self.check_stop(&id, true);
                self.order_restart(&id);
            }
            Order::Forget(id) => {
                self.control_mut().supervisors.remove(&id);
            }
            Order::EndStray(process) => {
                self.trace(|| format!("  end stray {}", process.pid));
                self.check_stray(process.pid);
                self.signal(process.pid);
                let killed = Event::Process { pid: process.pid, turn: Turn::Killed };
                self.queue.after(spec::STOP_TIMEOUT, killed);
            }
            Order::Verify(order) => self.order_verification(&order),
            Order::EndVerification(app) => drop(self.control_mut().verifying.remove(&app)),
            Order::Route(snapshot) => self.order_route(snapshot),
            Order::RetireProxy(pid) => self.tell_proxy(pid, ToProxy::Retire),
            Order::Tidy => {}
            Order::Commit(token, changes) => self.order_commit(token, changes),
        }
    }

    fn order_adopt(&mut self, order: AdoptOrder) {
        self.trace(|| format!("  adopt {} as {}", order.last.id, order.last.state.word()));
        if self.scenario.sabotage == Some(Sabotage::StartsAnew) {
            if let Some(pid) = self.process_of(&order.last.id).map(|p| p.id.pid) {
                self.check_stop(&order.last.id, false);
                self.signal(pid);
            }
            let last = InstanceView {
                state: InstanceState::Backoff { until: Moment::default(), failures: 0 },
                ..order.last
            };
            return self.adopt(AdoptOrder { last, ..order });
        }
        self.adopt(order);
    }

    fn order_route(&mut self, snapshot: Snapshot) {
        self.trace(|| {
            let serve = |app: &gapless_routing::AppRouting| {
                let rows = app.backends.iter().map(|b| format!("{} {:?}", b.instance, b.duty));
                rows.collect::<Vec<_>>().join(", ")
            };
            let apps: Vec<_> = snapshot.apps.iter().map(serve).collect();
            format!("  route {}: {}", snapshot.generation, apps.join("; "))
        });
        self.check_routed(&snapshot);
        self.check_sides(&snapshot);
        for proxy in self.linked() {
            self.tell_proxy(proxy, ToProxy::Apply(Box::new(snapshot.clone())));
        }
    }

    /// The proxies that control has found.
    fn linked(&self) -> Vec<u32> {
        let peer = Some(self.control().number);
        self.proxies.iter().filter(|p| p.peer == peer).map(|p| p.pid).collect()
    }

    fn tell_proxy(&mut self, proxy: u32, message: ToProxy) {
        let lag = self.rng.u64(0..=2);
        self.to_proxy_at = self.to_proxy_at.max(self.queue.now + lag);
        self.queue.at(self.to_proxy_at, Event::ToProxy { proxy, message });
    }

    fn order_commit(&mut self, token: u64, changes: Vec<Change>) {
        for change in &changes {
            self.check_order(change);
            match change {
                Change::PutInstance(record) => {
                    if let Some(retiring) = record.retiring {
                        self.retiring.entry(record.id.clone()).or_insert((retiring, false));
                    }
                }
                Change::PutRollout(record) => {
                    let key = (record.rollout.app.clone(), record.rollout.id);
                    let served = self.served.get(&key.0).copied().unwrap_or_default();
                    self.served_before.entry(key).or_insert(served);
                    let rollout = &record.rollout;
                    let flips = rollout.strategy == Strategy::BlueGreen && !rollout.has_ended();
                    self.flipping.insert(rollout.app.clone(), flips.then_some(rollout.to));
                }
                _ => {}
            }
        }
        let done = self.journal.take(token, changes, self.queue.now, &mut self.rng);
        let control = self.control().number;
        self.queue.at(done, Event::Written { control });
    }

    /// The disk is done with a journal entry.
    pub(super) fn written(&mut self) {
        if self.dies_at(Place::InWrite) {
            return;
        }
        let Some(Answer { token, error, written }) = self.journal.write(self.queue.now) else { return };
        for change in &written {
            self.note(change);
        }
        if self.dies_at(Place::AfterWrite) {
            return;
        }
        if token != 0 {
            self.tell_control(Input::Committed { token, error });
        }
    }

    /// The disk has room again.
    pub(super) fn disk_free(&mut self) {
        for change in self.journal.retry() {
            self.note(&change);
        }
    }

    pub(super) fn control(&self) -> &Control {
        self.control.as_ref().expect("only asked while there is one")
    }

    pub(super) fn control_mut(&mut self) -> &mut Control {
        self.control.as_mut().expect("only asked while there is one")
    }
}

fn said(input: &Input) -> String {
    match input {
        Input::Instance(view) => format!("{} is {}", view.id, view.state.word()),
        Input::Counters { .. } => "counters".to_owned(),
        other => format!("{other:?}"),
    }
}
