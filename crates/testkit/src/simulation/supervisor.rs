//! Instances as control sees them: a model of the `supervise` room. Dies with control.

use super::event::Event;
use super::point::{Effect, Place};
use super::process::{Health, Process};
use super::scenario::Sabotage;
use super::spec;
use super::world::World;
use gapless_control::engine::Input;
use gapless_control::platform::{AdoptOrder, StartOrder};
use gapless_model::app::RestartPolicy;
use gapless_model::instance::InstanceView;
use gapless_model::probe::{ProbeAnswer, ProbeReport};
use gapless_model::{Exit, Failure, InstanceId, InstanceState, Moment};
use std::time::Duration;

/// How long it takes until probes have seen a change, at most.
const PROBE_LAG: u64 = 150;

/// What one instance's supervisor knows.
#[derive(Debug)]
pub(super) struct Supervisor {
    start: StartOrder,
    view: InstanceView,
    told: Option<InstanceView>,
    failures: u32,
    ready_since: Option<u64>,
    since: u64,
    stop: bool,
    then: Then,
}

#[derive(Debug, Clone)]
enum Then {
    Gone,
    Start,
    Fail(Failure),
}

/// What a supervisor waits for. Those about a process say which.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    /// It takes up the order to start.
    Launch,
    /// Its probes have seen how the process is.
    Probed { pid: u32 },
    /// It has seen that the process is no more.
    Exited { pid: u32 },
    /// The process should be ready by now.
    Deadline { pid: u32 },
    /// The process should be gone by now.
    Kill { pid: u32 },
    /// It may be started again, as said in this backoff.
    Again { until: u64 },
}

impl Supervisor {
    pub(super) const fn view(&self) -> &InstanceView {
        &self.view
    }

    fn pid(&self) -> Option<u32> {
        self.view.process.map(|p| p.pid)
    }
}

impl World {
    /// Takes up the order to start an instance.
    pub(super) fn supervise(&mut self, start: StartOrder) {
        let id = start.instance.clone();
        let view = InstanceView {
            id: id.clone(),
            release: start.release.id,
            state: InstanceState::Gone { exit: None },
            process: None,
            address: None,
            restarts: 0,
            last_failure: None,
            unlimited: None,
        };
        if self.control().supervisors.contains_key(&id) {
            return;
        }
        self.insert_supervisor(start, view, 0);
        let delay = self.rng.u64(0..=3);
        self.supervisor_timer(&id, delay, Timer::Launch);
    }

    fn insert_supervisor(&mut self, start: StartOrder, view: InstanceView, failures: u32) {
        let since = self.queue.now;
        let id = start.instance.clone();
        let supervisor = Supervisor {
            start,
            view,
            told: None,
            failures,
            ready_since: None,
            since,
            stop: false,
            then: Then::Gone,
        };
        self.control_mut().supervisors.insert(id, supervisor);
    }

    /// Takes up the order to take an instance over, as `supervise` does.
    pub(super) fn adopt(&mut self, order: AdoptOrder) {
        let AdoptOrder { start, last } = order;
        let id = start.instance.clone();
        let failures = match last.state {
            InstanceState::Backoff { failures, .. } => failures,
            _ => 0,
        };
        let state = last.state.clone();
        let runs = last.process.filter(|known| self.process_of(&id).is_some_and(|p| p.id == *known));
        self.insert_supervisor(start, last, failures);
        match state {
            InstanceState::Gone { .. } => return self.tell(&id),
            InstanceState::Backoff { until, .. } => {
                let until = until.as_millis();
                self.supervisor_timer_at(&id, until, Timer::Again { until });
                return self.tell(&id);
            }
            _ => {}
        }
        let Some(process) = runs else {
            let exit = Exit::Unknown;
            if matches!(state, InstanceState::Stopping { .. }) {
                return self.be_gone(&id, Some(exit));
            }
            let was_ready = !matches!(state, InstanceState::Starting { .. });
            return self.fail(&id, Failure::Exited { exit, ran: Duration::ZERO, was_ready }, Some(exit));
        };
        let (pid, now) = (process.pid, self.queue.now);
        match state {
            InstanceState::Starting { deadline, .. } => {
                self.supervisor_timer_at(&id, deadline.as_millis(), Timer::Deadline { pid });
            }
            InstanceState::Stopping { kill_at, .. } => {
                self.supervisor_timer_at(&id, kill_at.as_millis(), Timer::Kill { pid });
            }
            _ => self.supervisor_mut(&id).ready_since = Some(now),
        }
        self.tell(&id);
        self.probes_see(&id);
    }

    /// Takes up the order to stop an instance for good.
    pub(super) fn order_stop(&mut self, id: &InstanceId) {
        let Some(supervisor) = self.control_mut().supervisors.get_mut(id) else { return };
        if std::mem::replace(&mut supervisor.stop, true) {
            return;
        }
        match supervisor.view.state {
            InstanceState::Gone { .. } | InstanceState::Stopping { .. } => {}
            InstanceState::Backoff { .. } => self.be_gone(id, None),
            _ => self.stop_process(id, Then::Gone),
        }
    }

    /// Takes up the order to restart a wedged instance.
    pub(super) fn order_restart(&mut self, id: &InstanceId) {
        let Some(supervisor) = self.control_mut().supervisors.get_mut(id) else { return };
        match supervisor.view.state {
            InstanceState::Gone { .. } | InstanceState::Stopping { .. } => {}
            InstanceState::Backoff { .. } => self.again(id),
            _ => self.stop_process(id, Then::Start),
        }
    }

    fn stop_process(&mut self, id: &InstanceId, then: Then) {
        let now = self.queue.now;
        let Some(pid) = self.supervisor_mut(id).pid() else { return };
        if self.dies_at(Place::Before(Effect::Signal)) {
            return;
        }
        self.signal(pid);
        if self.dies_at(Place::After(Effect::Signal)) {
            return;
        }
        let kill_at = now + spec::STOP_TIMEOUT;
        let supervisor = self.supervisor_mut(id);
        supervisor.view.state = InstanceState::Stopping {
            since: Moment::from_millis(now),
            kill_at: Moment::from_millis(kill_at),
        };
        if let Then::Fail(failure) = &then {
            supervisor.view.last_failure = Some(failure.clone());
        }
        supervisor.then = then;
        self.supervisor_timer_at(id, kill_at, Timer::Kill { pid });
        self.tell(id);
    }

    /// A timer has run out, or a probe has an answer.
    pub(super) fn supervisor_wakes(&mut self, id: &InstanceId, timer: Timer) {
        let Some(supervisor) = self.control().supervisors.get(id) else { return };
        let pid = supervisor.pid();
        let state = supervisor.view.state.clone();
        match (timer, state) {
            (Timer::Launch, _) => self.launch(id),
            (Timer::Again { until }, InstanceState::Backoff { until: due, .. })
                if due.as_millis() == until =>
            {
                self.again(id);
            }
            (Timer::Probed { pid: of }, state) if pid == Some(of) => self.probed(id, &state),
            (Timer::Exited { pid: of }, state) if pid == Some(of) => self.exited(id, of, &state),
            (Timer::Deadline { pid: of }, InstanceState::Starting { since, deadline })
                if pid == Some(of) && self.queue.now >= deadline.as_millis() =>
            {
                let after = deadline.since(since);
                let report = Some(self.report("nobody listens there yet"));
                self.stop_process(id, Then::Fail(Failure::StartDeadline { after, report }));
            }
            (Timer::Kill { pid: of }, InstanceState::Stopping { .. }) if pid == Some(of) => {
                self.kill(of);
            }
            _ => {}
        }
    }

    fn kill(&mut self, pid: u32) {
        if !self.dies_at(Place::Before(Effect::Kill)) {
            self.end(pid, Exit::Signal(9));
            self.dies_at(Place::After(Effect::Kill));
        }
    }

    fn launch(&mut self, id: &InstanceId) {
        let now = self.queue.now;
        let supervisor = self.supervisor_mut(id);
        if supervisor.stop {
            return self.be_gone(id, None);
        }
        let release = supervisor.start.release.id;
        if self.dies_at(Place::Before(Effect::Spawn)) {
            return;
        }
        let spawned = self.spawn(id, release);
        if self.dies_at(Place::After(Effect::Spawn)) {
            return;
        }
        let Some(process) = spawned else {
            let message = "cannot execute app: no such file".to_owned();
            return self.fail(id, Failure::Spawn { message }, None);
        };
        let supervisor = self.supervisor_mut(id);
        supervisor.since = now;
        supervisor.ready_since = None;
        supervisor.view.process = Some(process);
        let deadline = now + spec::START_DEADLINE;
        supervisor.view.state = InstanceState::Starting {
            since: Moment::from_millis(now),
            deadline: Moment::from_millis(deadline),
        };
        self.supervisor_timer_at(id, deadline, Timer::Deadline { pid: process.pid });
        self.tell(id);
        if self.scenario.sabotage == Some(Sabotage::ReadyAtOnce) {
            self.become_ready(id);
        }
    }

    fn probed(&mut self, id: &InstanceId, state: &InstanceState) {
        let Some(health) = self.process_of(id).map(|p| p.health) else { return };
        let since = Moment::from_millis(self.queue.now);
        match (state, health) {
            (InstanceState::Starting { .. } | InstanceState::Unready { .. }, Health::Ready) => {
                self.become_ready(id);
            }
            (InstanceState::Ready { .. }, Health::Unready) => {
                let report = self.report("answered 503");
                let supervisor = self.supervisor_mut(id);
                supervisor.view.last_failure = Some(Failure::Unready { report: report.clone() });
                supervisor.view.state = InstanceState::Unready { since, report };
                self.tell(id);
            }
            (InstanceState::Ready { .. } | InstanceState::Unready { .. }, Health::Wedged) => {
                let report = self.report("no answer");
                let supervisor = self.supervisor_mut(id);
                supervisor.view.last_failure = Some(Failure::Wedged { report: report.clone() });
                supervisor.view.state = InstanceState::Wedged { since, report };
                self.tell(id);
            }
            _ => {}
        }
    }

    fn become_ready(&mut self, id: &InstanceId) {
        let now = self.queue.now;
        let supervisor = self.supervisor_mut(id);
        supervisor.ready_since.get_or_insert(now);
        supervisor.view.state = InstanceState::Ready { since: Moment::from_millis(now) };
        supervisor.view.address = supervisor.start.routed.then(|| Process::address(id));
        self.tell(id);
    }

    fn exited(&mut self, id: &InstanceId, pid: u32, state: &InstanceState) {
        let now = self.queue.now;
        let exit = self.processes.get(&pid).and_then(|p| p.exit).unwrap_or(Exit::Unknown);
        let supervisor = self.supervisor_mut(id);
        supervisor.view.process = None;
        supervisor.view.address = None;
        if matches!(state, InstanceState::Stopping { .. }) {
            return match supervisor.then.clone() {
                _ if supervisor.stop => self.be_gone(id, Some(exit)),
                Then::Gone => self.be_gone(id, Some(exit)),
                Then::Start => self.again(id),
                Then::Fail(failure) => self.fail(id, failure, Some(exit)),
            };
        }
        if supervisor.stop {
            return self.be_gone(id, Some(exit));
        }
        let ran = Duration::from_millis(now - supervisor.since);
        let failure = Failure::Exited { exit, ran, was_ready: supervisor.ready_since.is_some() };
        if exit == Exit::Code(0) && supervisor.start.restart.policy == RestartPolicy::OnFailure {
            supervisor.view.last_failure = Some(failure);
            return self.be_gone(id, Some(exit));
        }
        self.fail(id, failure, Some(exit));
    }

    fn fail(&mut self, id: &InstanceId, failure: Failure, exit: Option<Exit>) {
        let now = self.queue.now;
        let jitter = self.rng.u64(80..=120);
        let supervisor = self.supervisor_mut(id);
        supervisor.view.process = None;
        supervisor.view.address = None;
        supervisor.view.last_failure = Some(failure);
        let spec = &supervisor.start.restart;
        if spec.policy == RestartPolicy::Never {
            return self.be_gone(id, exit);
        }
        let ready = supervisor.ready_since.map_or(0, |since| now - since);
        let stable = u64::try_from(spec.stable_after.as_millis()).unwrap_or(u64::MAX);
        let faded = u32::try_from(ready / stable).unwrap_or(u32::MAX);
        supervisor.failures = supervisor.failures.saturating_sub(faded) + 1;
        if supervisor.failures == 1 {
            return self.again(id);
        }
        let doublings = (supervisor.failures - 2).min(10);
        let delay = spec.backoff.saturating_mul(1 << doublings).min(spec.backoff_max);
        let until = now + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) * jitter / 100;
        let failures = supervisor.failures;
        supervisor.view.state = InstanceState::Backoff { until: Moment::from_millis(until), failures };
        self.supervisor_timer_at(id, until, Timer::Again { until });
        self.tell(id);
    }

    fn again(&mut self, id: &InstanceId) {
        self.supervisor_mut(id).view.restarts += 1;
        self.launch(id);
    }

    fn be_gone(&mut self, id: &InstanceId, exit: Option<Exit>) {
        let supervisor = self.supervisor_mut(id);
        supervisor.view.process = None;
        supervisor.view.address = None;
        supervisor.view.state = InstanceState::Gone { exit };
        self.tell(id);
    }

    /// Says how it stands, if that is news.
    fn tell(&mut self, id: &InstanceId) {
        let supervisor = self.supervisor_mut(id);
        if supervisor.told.as_ref() == Some(&supervisor.view) {
            return;
        }
        supervisor.told = Some(supervisor.view.clone());
        let view = supervisor.view.clone();
        self.trace(|| format!("{} is {}", view.id, view.state.word()));
        self.tell_control(Input::Instance(Box::new(view)));
    }

    /// The process has changed: sooner or later the probes see it.
    pub(super) fn probes_see(&mut self, id: &InstanceId) {
        let Some(pid) = self.process_of(id).map(|p| p.id.pid) else { return };
        let lag = self.rng.u64(1..=PROBE_LAG);
        self.supervisor_timer(id, lag, Timer::Probed { pid });
    }

    /// The process is no more.
    pub(super) fn exit_is_seen(&mut self, id: &InstanceId, pid: u32) {
        let lag = self.rng.u64(0..=5);
        self.supervisor_timer(id, lag, Timer::Exited { pid });
    }

    fn report(&self, message: &str) -> ProbeReport {
        ProbeReport {
            at: Moment::from_millis(self.queue.now),
            asked: "GET /ready".into(),
            answer: ProbeAnswer::Error { message: message.into() },
        }
    }

    fn supervisor_timer(&mut self, id: &InstanceId, delay: u64, timer: Timer) {
        self.supervisor_timer_at(id, self.queue.now + delay, timer);
    }

    fn supervisor_timer_at(&mut self, id: &InstanceId, at: u64, timer: Timer) {
        if let Some(control) = &self.control {
            let event = Event::Supervisor { control: control.number, instance: id.clone(), timer };
            self.queue.at(at, event);
        }
    }

    fn supervisor_mut(&mut self, id: &InstanceId) -> &mut Supervisor {
        self.control_mut().supervisors.get_mut(id).expect("it was just there")
    }
}
