//! A script: what is so at first, and what happens then, line by line. Playing it renders every decision.
//!
//! ```text
//! app wanted=2 surge=1 unavailable=0 bake=10s drain=30s     what is desired; unrouted for a worker, job
//!                                                           for one that ends, or a
//!                                                           strategy: recreate or blue-green, with
//!                                                           verify=5s promote=60s
//! serving r1 a-1 a-2        instances that are ready and in force
//! rollout r2                begins, from r1
//! first r1                  an app's first rollout
//! awaits db                 it is started after db, which is not up; `awaits db failed`: and does not come up
//! up                        all that it is started after is up
//! finished a-3              it has ended with code 0
//! starts a-3                its process runs (an instance is in backoff until then)
//! ready a-3                 unready a-3, wedged a-3, gone a-3
//! crash a-3                 it failed before it was ready, and runs again; a second time: backoff
//! crash-ready a-3           it failed after it had been ready, and runs again
//! late a-3                  it was not ready in time
//! ack                       every worker has the newest split; `ack a-1=2`: with 2 requests in flight
//! idle a-1                  its last request is answered
//! wait 5s                   time passes
//! passes, fails             the checks of the new release
//! pause, resume, abort, promote, scale 4, stop
//! ```

use crate::render;
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::{InFlight, InstanceView};
use gapless_model::probe::{ProbeAnswer, ProbeReport};
use gapless_model::{
    AbortReason, Address, Exit, Failure, Generation, InstanceId, InstanceState, Moment, ReleaseId, Rollout,
    RolloutId, RolloutKind, RolloutPhase, Split, Strategy, Until, WallTime,
};
use gapless_rollout::{
    Acknowledged, Action, Awaited, Decision, Desired, Instance, Observed, Sent, Verification, decide,
    invariants, phase,
};
use std::fmt::Write as _;
use std::time::Duration;

/// Decisions that follow from each other without anything happening in between; more is a fault.
const SETTLES_WITHIN: usize = 10;

/// Plays a script and returns it with the decisions.
pub(crate) fn play(script: &str) -> String {
    let mut play = Play::new();
    let mut text = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "> {line}");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words[0] != "ack" || play.observed.sent.is_some(), "nothing was sent:\n{text}");
        let decides = play.step(&words);
        if decides {
            play.settle(&mut text);
        }
    }
    text
}

struct Play {
    desired: Desired,
    observed: Observed,
    now: Moment,
    next: u32,
    generation: u64,
}

impl Play {
    fn new() -> Self {
        let drain = DrainSpec {
            timeout: Duration::from_secs(30),
            websocket: WebSocketPolicy::Close,
            websocket_timeout: Duration::from_secs(30),
            websocket_window: Duration::ZERO,
        };
        let desired = Desired {
            app: read("a"),
            wanted: 1,
            current: None,
            rollout: None,
            strategy: Strategy::Rolling,
            max_surge: 1,
            max_unavailable: 0,
            bake: Duration::from_secs(10),
            verify: None,
            promote_within: None,
            promoted: false,
            replace_after: Duration::from_secs(15),
            drain,
            routed: true,
            job: false,
            awaits: Vec::new(),
        };
        Self { desired, observed: Observed::default(), now: Moment::default(), next: 1, generation: 0 }
    }

    /// Does what a line says; whether there is something to decide after it.
    fn step(&mut self, words: &[&str]) -> bool {
        let now = self.now;
        match *words {
            ["app", ref settings @ ..] => return self.configure(settings),
            ["serving", release, ref ids @ ..] => return self.serve(release, ids),
            ["first", release] => self.begin(None, release),
            ["rollout", release] => self.begin(self.desired.current, release),
            ["starts", id] => {
                let restarted = matches!(self.find(id).view.state, InstanceState::Stopping { .. });
                self.find(id).view.restarts += u32::from(restarted);
                self.set(id, starting(now));
            }
            ["ready", id] => {
                self.find(id).view.address = Some(Address::Unix(format!("/run/{id}.sock").into()));
                self.set(id, InstanceState::Ready { since: now });
            }
            ["unready", id] => {
                self.find(id).view.last_failure = Some(Failure::Unready { report: report(now) });
                self.set(id, InstanceState::Unready { since: now, report: report(now) });
            }
            ["wedged", id] => {
                self.find(id).view.last_failure = Some(Failure::Wedged { report: report(now) });
                self.set(id, InstanceState::Wedged { since: now, report: report(now) });
            }
            ["crash", id] => self.fail(id, exited(false)),
            ["crash-ready", id] => self.fail(id, exited(true)),
            ["late", id] => {
                self.fail(id, Failure::StartDeadline { after: Duration::from_secs(60), report: None });
            }
            ["gone", id] => {
                self.set(id, InstanceState::Gone { exit: None });
                // As the engine does: one that was retired and is gone is forgotten.
                self.observed.instances.retain(|i| !(i.is_retiring() && i.view.state.is_gone()));
            }
            ["finished", id] => self.set(id, InstanceState::Gone { exit: Some(Exit::Code(0)) }),
            ["awaits", app, ref failed @ ..] => {
                let failed_at = failed.first().map(|_| now);
                self.desired.awaits = vec![Awaited { app: read(app), until: Until::Ready, failed_at }];
            }
            ["up"] => self.desired.awaits = Vec::new(),
            ["ack", ref counts @ ..] => self.acknowledge(counts),
            ["idle", id] => self.find(id).backlog = Some(InFlight::default()),
            ["wait", time] => self.now = now + seconds(time),
            ["pause"] => self.rollout().paused = Some(now),
            ["resume"] => self.rollout().paused = None,
            ["abort"] => {
                let rollout = self.rollout();
                rollout.phase = phase::returning(rollout, AbortReason::Asked, now);
            }
            ["promote"] => self.desired.promoted = true,
            ["passes"] => self.observed.verification = Some(Verification::Passed),
            ["fails"] => {
                let what = "GET /health answered 500".to_owned();
                self.observed.verification = Some(Verification::Failed { what, output: Vec::new() });
            }
            ["scale", to] => self.desired.wanted = read(to),
            ["stop"] => self.desired.wanted = 0,
            _ => panic!("no such step: {words:?}"),
        }
        true
    }

    fn configure(&mut self, settings: &[&str]) -> bool {
        for setting in settings {
            match setting.split_once('=') {
                Some(("wanted", n)) => self.desired.wanted = read(n),
                Some(("surge", n)) => self.desired.max_surge = read(n),
                Some(("unavailable", n)) => self.desired.max_unavailable = read(n),
                Some(("bake", time)) => self.desired.bake = seconds(time),
                Some(("drain", time)) => self.desired.drain.timeout = seconds(time),
                None if *setting == "job" => (self.desired.routed, self.desired.job) = (false, true),
                None if *setting == "unrouted" => self.desired.routed = false,
                None if *setting == "recreate" => self.desired.strategy = Strategy::Recreate,
                None if *setting == "blue-green" => self.desired.strategy = Strategy::BlueGreen,
                Some(("verify", time)) => self.desired.verify = Some(seconds(time)),
                Some(("promote", time)) => self.desired.promote_within = Some(seconds(time)),
                _ => panic!("no such setting: {setting}"),
            }
        }
        false
    }

    fn serve(&mut self, release: &str, ids: &[&str]) -> bool {
        let release: ReleaseId = read(release);
        self.desired.current = Some(release);
        let mut split = Split::default();
        for id in ids {
            let id: InstanceId = read(id);
            self.next = self.next.max(id.number() + 1);
            let mut instance = instance(id.clone(), release, InstanceState::Ready { since: self.now });
            instance.view.address = Some(Address::Unix(format!("/run/{id}.sock").into()));
            self.observed.instances.push(instance);
            split.insert(release, id);
        }
        if self.desired.routed {
            self.observed.acknowledged =
                Some(Acknowledged { generation: Generation(0), split, preview: Split::default() });
        }
        false
    }

    fn begin(&mut self, from: Option<ReleaseId>, release: &str) {
        let to: ReleaseId = read(release);
        self.desired.current.get_or_insert(to);
        self.desired.rollout = Some(Rollout {
            id: RolloutId(1),
            app: self.desired.app.clone(),
            kind: RolloutKind::Deploy,
            from,
            to,
            strategy: self.desired.strategy,
            phase: RolloutPhase::Replacing { since: self.now },
            paused: None,
            began: self.now,
            began_at: WallTime::default(),
            preview: None,
        });
    }

    /// It failed and is started again: at once after the first time.
    fn fail(&mut self, id: &str, failure: Failure) {
        let now = self.now;
        let instance = self.find(id);
        instance.view.last_failure = Some(failure);
        instance.view.restarts += 1;
        instance.view.address = None;
        instance.view.state = if instance.view.restarts > 1 {
            InstanceState::Backoff { until: now + Duration::from_secs(1), failures: instance.view.restarts }
        } else {
            starting(now)
        };
    }

    fn acknowledge(&mut self, counts: &[&str]) {
        let Some(Sent { generation, split, preview, .. }) = self.observed.sent.take() else {
            panic!("nothing was sent")
        };
        for instance in &mut self.observed.instances {
            let requests = counts.iter().filter_map(|c| c.split_once('='));
            let requests = requests.filter(|(id, _)| *id == instance.id().to_string());
            let requests = requests.map(|(_, n)| read(n)).next().unwrap_or(0);
            let named = split.names(instance.id()) || preview.names(instance.id());
            instance.backlog = (!named).then_some(InFlight { requests, upgraded: 0 });
        }
        self.observed.acknowledged = Some(Acknowledged { generation, split, preview });
    }

    /// Decides, and carries out, until nothing more follows.
    fn settle(&mut self, text: &mut String) {
        for _ in 0..SETTLES_WITHIN {
            let decision = decide(&self.desired, &self.observed, self.now);
            let broken = invariants::violations(&self.desired, &self.observed, &decision, self.now);
            assert_eq!(broken, [], "{text}");
            let done = decision.phase.is_none() && decision.actions.is_empty();
            let is_sent = self.is_sent(&decision);
            render::decided(text, &decision, is_sent, self.now);
            self.carry_out(&decision);
            if done && is_sent {
                render::waits(text, &decision, self.now);
                return;
            }
        }
        panic!("it does not settle:\n{text}");
    }

    fn is_sent(&self, decision: &Decision) -> bool {
        let newest = self.observed.sent.as_ref().map(|s| (&s.split, &s.preview));
        let newest = newest.or(self.observed.acknowledged.as_ref().map(|a| (&a.split, &a.preview)));
        !self.desired.routed || newest == Some((&decision.split, &decision.preview))
    }

    fn carry_out(&mut self, decision: &Decision) {
        if let Some(phase) = &decision.phase {
            let rollout = self.rollout();
            rollout.phase = phase.clone();
            if let RolloutPhase::Ended { outcome, .. } = phase {
                let to = rollout.to;
                if *outcome == gapless_model::Outcome::Completed {
                    self.desired.current = Some(to);
                }
                self.desired.rollout = None;
            }
        }
        if !self.is_sent(decision) {
            self.generation += 1;
            self.observed.sent = Some(Sent {
                generation: Generation(self.generation),
                split: decision.split.clone(),
                preview: decision.preview.clone(),
                answer_by: self.now + Duration::from_secs(5),
            });
            for instance in &mut self.observed.instances {
                if decision.split.names(instance.id()) || decision.preview.names(instance.id()) {
                    instance.backlog = None;
                }
            }
        }
        for action in &decision.actions {
            match action {
                Action::Start { release } => {
                    let id = InstanceId::new(self.desired.app.clone(), self.next);
                    self.next += 1;
                    self.observed.instances.push(instance(id, *release, starting(self.now)));
                }
                Action::Retire { instance, retiring } => {
                    self.find(&instance.to_string()).retiring = Some(*retiring);
                }
                Action::Verify => {
                    let until = self.now + self.desired.verify.unwrap_or_default();
                    self.observed.verification = Some(Verification::Running { until });
                }
                Action::Stop { instance } | Action::Restart { instance } => {
                    let kill_at = self.now + Duration::from_secs(10);
                    let state = InstanceState::Stopping { since: self.now, kill_at };
                    self.set(&instance.to_string(), state);
                }
            }
        }
    }

    fn rollout(&mut self) -> &mut Rollout {
        self.desired.rollout.as_mut().expect("there is a rollout")
    }

    fn find(&mut self, id: &str) -> &mut Instance {
        let found = self.observed.instances.iter_mut().find(|i| i.id().to_string() == id);
        found.unwrap_or_else(|| panic!("there is no {id}"))
    }

    fn set(&mut self, id: &str, state: InstanceState) {
        self.find(id).view.state = state;
    }
}

fn instance(id: InstanceId, release: ReleaseId, state: InstanceState) -> Instance {
    let view = InstanceView {
        id,
        release,
        state,
        process: None,
        address: None,
        restarts: 0,
        last_failure: None,
        unlimited: None,
    };
    Instance { view, retiring: None, backlog: None, restarting: false, outgrown: false }
}

fn starting(now: Moment) -> InstanceState {
    InstanceState::Starting { since: now, deadline: now + Duration::from_secs(60) }
}

fn exited(was_ready: bool) -> Failure {
    Failure::Exited { exit: Exit::Code(1), ran: Duration::from_secs(1), was_ready }
}

fn report(now: Moment) -> ProbeReport {
    ProbeReport {
        at: now,
        asked: "GET /ready".into(),
        answer: ProbeAnswer::Status { code: 503, location: None, body: String::new() },
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(read(text.trim_end_matches('s')))
}

fn read<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} makes no sense"))
}
