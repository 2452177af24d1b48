//! All parts, and the loop that lets them happen.

use super::control::Control;
use super::event::Event;
use super::journal::Journal;
use super::order::Begun;
use super::process::Process;
use super::proxy::Proxy;
use super::queue::Queue;
use super::report::{Broken, Report, Violation};
use super::scenario::{Act, Character, Sabotage, Scenario};
use super::spec;
use gapless_model::instance::Retiring;
use gapless_model::{AppName, InstanceId, ReleaseId, RolloutId};
use std::collections::{BTreeMap, BTreeSet};

/// When the machine was started, seen from the first event. Not zero, so that a moment is never taken for a
/// duration.
const BOOTED: u64 = 1_000_000;

/// What the wall clock shows at the moment zero, in milliseconds since 1970, until somebody sets it.
const WALL: u64 = 1_700_000_000_000;

/// How long the apps have until they first serve.
const FIRST: u64 = 60_000;

/// How long everything has to settle when the script is over.
const SETTLES_WITHIN: u64 = 120_000;

/// How long what the user has paused stays so when the script is over.
const PATIENCE: u64 = 1_000;

/// How often it is asked whether everything has settled.
const LOOK: u64 = 200;

/// All parts.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) rng: fastrand::Rng,
    pub(super) queue: Queue,
    pub(super) report: Report,
    pub(super) control: Option<Control>,
    pub(super) journal: Journal,
    /// All that are there, the oldest first.
    pub(super) proxies: Vec<Proxy>,
    /// The version of Gapless that is started from now on.
    pub(super) version: u32,
    pub(super) processes: BTreeMap<u32, Process>,
    /// The process of each instance that has one.
    pub(super) running: BTreeMap<InstanceId, u32>,
    pub(super) next_pid: u32,
    pub(super) next_request: u64,
    pub(super) characters: BTreeMap<(AppName, ReleaseId), Character>,
    pub(super) tries: BTreeMap<InstanceId, u32>,
    /// Whether the first releases are up and the script has begun.
    pub(super) serves: bool,
    /// When that was.
    pub(super) began: u64,
    /// How many events there have been.
    pub(super) turn: u64,
    pub(super) traffic: bool,
    pub(super) kills: BTreeSet<u64>,
    /// Which worker takes how much longer, and until when.
    /// What the wall clock shows at the moment zero.
    pub(super) wall: u64,
    pub(super) lag: Option<(usize, u64, u64)>,
    pub(super) deaf_until: u64,
    pub(super) proxy_lost_at: u64,
    pub(super) to_proxy_at: u64,
    /// Retirements that are on their way to the journal, or written.
    pub(super) retiring: BTreeMap<InstanceId, (Retiring, bool)>,
    /// Instances that the journal has forgotten.
    pub(super) forgotten: BTreeSet<InstanceId>,
    /// Requests answered, by app: over all proxies, and when each rollout began.
    pub(super) served: BTreeMap<AppName, u64>,
    pub(super) served_before: BTreeMap<(AppName, RolloutId), u64>,
    /// The new release of an app whose rollout flips.
    pub(super) flipping: BTreeMap<AppName, Option<ReleaseId>>,
    /// How often the machine was started anew.
    pub(super) boots: u32,
    /// What the order of start is held by.
    pub(super) order: Begun,
    /// How often in a row a rollout was seen to wait for nothing.
    pub(super) idle: BTreeMap<AppName, u32>,
    tracing: bool,
}

impl World {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut journal = Journal::default();
        journal.forgetful = scenario.sabotage == Some(Sabotage::ForgetfulJournal);
        Self {
            rng: fastrand::Rng::with_seed(scenario.seed),
            queue: Queue::beginning_at(BOOTED),
            report: Report::default(),
            control: None,
            journal,
            proxies: Vec::new(),
            version: 1,
            processes: BTreeMap::new(),
            running: BTreeMap::new(),
            next_pid: 100,
            next_request: 0,
            characters: BTreeMap::new(),
            tries: BTreeMap::new(),
            serves: false,
            began: 0,
            turn: 0,
            traffic: true,
            kills: scenario.kills.iter().copied().collect(),
            wall: WALL,
            lag: None,
            deaf_until: 0,
            proxy_lost_at: 0,
            to_proxy_at: 0,
            retiring: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            served: BTreeMap::new(),
            served_before: BTreeMap::new(),
            flipping: BTreeMap::new(),
            boots: 0,
            order: Begun::default(),
            idle: BTreeMap::new(),
            tracing: std::env::var_os("SIMULATION_TRACE").is_some(),
            scenario: scenario.clone(),
        }
    }

    /// From the first event to the verdict.
    pub(super) fn play(mut self) -> Report {
        self.start_control();
        self.start_proxy(self.version);
        for app in 0..self.scenario.apps.len() {
            self.define(app);
        }
        let first = self.queue.now + FIRST;
        if self.run_until(first, |world| world.unsettled().is_none()) {
            self.serves = true;
            let begins = self.queue.now;
            self.began = begins;
            let over = self.schedule(begins);
            self.run_until(over, |_| false);
            let end = over + SETTLES_WITHIN;
            let settled = |world: &Self| world.unsettled().is_none();
            while self.queue.now < end && !self.run_until(self.queue.now + PATIENCE, settled) {
                self.resume_all();
            }
        }
        self.judge();
        self.report.took = self.queue.now - BOOTED;
        self.report
    }

    /// Puts the script into the queue; returns when it will be over.
    fn schedule(&mut self, begins: u64) -> u64 {
        for app in 0..self.scenario.apps.len() {
            if self.scenario.apps[app].routed {
                self.queue.after(0, Event::Request { app });
            }
        }
        let mut over = begins + 1;
        for (place, (at, _)) in self.scenario.script.iter().enumerate() {
            self.queue.at(begins + at, Event::Act(place));
            over = over.max(begins + at + 1);
        }
        over
    }

    /// Lets things happen until `end`, or until `enough`; whether that was so.
    pub(super) fn run_until(&mut self, end: u64, enough: impl Fn(&Self) -> bool) -> bool {
        let mut look = self.queue.now;
        while self.queue.now < end {
            if self.queue.now >= look {
                if enough(self) {
                    return true;
                }
                look = self.queue.now + LOOK;
            }
            let Some(event) = self.queue.pop() else { return enough(self) };
            self.happens(event);
        }
        enough(self)
    }

    fn happens(&mut self, event: Event) {
        self.turn += 1;
        let control = self.control.as_ref().map(|c| c.number);
        match event {
            Event::Input { control: of, inputs } if control == Some(of) => self.input(inputs),
            Event::Tick { control: of, at } if control == Some(of) => self.tick(at),
            Event::ControlStarts if control.is_none() => self.start_control(),
            Event::Written { control: of } if control == Some(of) => self.written(),
            Event::DiskFree => self.disk_free(),
            Event::Supervisor { control: of, instance, timer } if control == Some(of) => {
                self.supervisor_wakes(&instance, timer);
            }
            Event::Verified { control: of, app, rollout, passes } if control == Some(of) => {
                self.verified(app, rollout, passes);
            }
            Event::Process { pid, turn } => self.turn(pid, turn),
            Event::ProxyStarts if self.accepting().next().is_none() => self.start_proxy(self.version),
            Event::SuccessorStarts { version } => self.start_proxy(version),
            Event::Found { control: of, proxies } if control == Some(of) => self.found_proxies(&proxies),
            Event::MayEnd { proxy } => self.end_proxy(proxy),
            Event::ToProxy { proxy, message } => self.at_proxy(proxy, message),
            Event::WorkerApplies { proxy, worker } => self.worker_applies(proxy, worker),
            Event::Counters { proxy } => self.counters_due(proxy),
            Event::Request { app } => self.request(app),
            Event::Answered { proxy, request } => self.answered(proxy, request),
            Event::Held { proxy } => self.look_at_held(proxy),
            Event::Act(place) => {
                let act = self.scenario.script[place].1;
                self.perform(act);
            }
            // It was about a process of ours that is no more.
            _ => {}
        }
    }

    /// The place of an app in the scenario.
    pub(super) fn shape(&self, app: &AppName) -> Option<usize> {
        (0..self.scenario.apps.len()).find(|place| spec::name(*place) == *app)
    }

    /// Takes down a broken promise.
    pub(super) fn broken(&mut self, what: Broken) {
        self.trace(|| format!("BROKEN: {what:?}"));
        self.report.violations.push(Violation { at: self.queue.now - BOOTED, what });
    }

    /// Takes down what happened, if that is wanted.
    pub(super) fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.tracing {
            let at = self.queue.now - BOOTED;
            self.report.trace.push(format!("{at:7} {}", line()));
        }
    }
}

impl Act {
    /// Whether it is the user's wish that a rollout does not go its way, or that fewer instances serve.
    pub(super) const fn interferes(self) -> bool {
        matches!(self, Self::Abort(_) | Self::Rollback(_)) || self.empties() || self.harms()
    }

    /// Whether it does something to instances.
    pub(super) const fn harms(self) -> bool {
        matches!(self, Self::Crash(_) | Self::Unready(..) | Self::Wedge(_) | Self::Boot)
    }

    /// Whether fewer instances serve by it for a while.
    pub(super) const fn empties(self) -> bool {
        matches!(self, Self::Stop(_) | Self::Start(_) | Self::Restart(_) | Self::Delete(_) | Self::Up(..))
    }
}
