//! The proxy: workers that take snapshots up one after the other, and counts of what is in flight.

use super::event::Event;
use super::report::Broken;
use super::scenario::Sabotage;
use super::spec;
use super::world::World;
use gapless_control::engine::Input;
use gapless_model::instance::InFlight;
use gapless_model::{AppName, Generation, InstanceId, Moment, ReleaseId, TrafficCount};
use gapless_routing::{AppCounters, Backlog, Counters, Duty, InstanceCounters, Snapshot};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What reaches the proxy.
#[derive(Debug)]
pub(super) enum ToProxy {
    /// A control has connected. It is said hello.
    Connected { control: u64 },
    /// Route like this.
    Apply(Box<Snapshot>),
}

/// A proxy process.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) pid: u32,
    /// The control that it talks to.
    peer: Option<u64>,
    workers: Vec<Worker>,
    /// The newest that came.
    newest: Generation,
    /// The newest that it has answered.
    answered: Generation,
    pub(super) requests: BTreeMap<u64, Request>,
    pub(super) held: VecDeque<Held>,
    /// In flight, by process.
    pub(super) in_flight: BTreeMap<u32, InFlight>,
    pub(super) counts: BTreeMap<AppName, TrafficCount>,
    served_by: BTreeMap<InstanceId, (ReleaseId, u64)>,
    /// Whether the held are going to be looked at.
    pub(super) looks: bool,
}

/// One worker.
#[derive(Debug, Default)]
struct Worker {
    routing: Rc<Routing>,
    coming: VecDeque<Rc<Routing>>,
    done_at: u64,
    since: Option<u64>,
}

/// What a worker needs of a snapshot.
#[derive(Debug, Default)]
struct Routing {
    generation: Generation,
    apps: BTreeMap<AppName, Vec<(InstanceId, Duty)>>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) app: usize,
    pub(super) instance: InstanceId,
    pub(super) release: ReleaseId,
    pub(super) pid: u32,
    pub(super) upgraded: bool,
}

/// A request for which nobody was there.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) app: usize,
    pub(super) worker: usize,
    pub(super) since: u64,
}

impl Proxy {
    pub(super) fn new(pid: u32, workers: usize) -> Self {
        Self {
            pid,
            peer: None,
            workers: (0..workers.max(1)).map(|_| Worker::default()).collect(),
            newest: Generation::default(),
            answered: Generation::default(),
            requests: BTreeMap::new(),
            held: VecDeque::new(),
            in_flight: BTreeMap::new(),
            counts: BTreeMap::new(),
            served_by: BTreeMap::new(),
            looks: false,
        }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers.len()
    }

    fn everywhere(&self) -> Generation {
        self.workers.iter().map(|w| w.routing.generation).min().unwrap_or_default()
    }

    /// Since when a worker has had a snapshot at all.
    pub(super) fn routes_since(&self, worker: usize) -> Option<u64> {
        self.workers[worker].since
    }

    /// The instances that may get new requests of an app from this worker.
    pub(super) fn serving(&self, worker: usize, app: &AppName) -> impl Iterator<Item = &InstanceId> {
        let backends = self.workers[worker].routing.apps.get(app);
        backends
            .into_iter()
            .flatten()
            .filter(|(_, duty)| matches!(duty, Duty::Serve { .. }))
            .map(|(id, _)| id)
    }

    /// The instances that may get requests from this worker that ask for the new release.
    pub(super) fn previewed(&self, worker: usize, app: &AppName) -> impl Iterator<Item = &InstanceId> {
        let backends = self.workers[worker].routing.apps.get(app);
        backends.into_iter().flatten().filter(|(_, duty)| *duty == Duty::Preview).map(|(id, _)| id)
    }

    /// Whether any worker may send requests to an instance.
    pub(super) fn routes_to(&self, instance: &InstanceId) -> bool {
        (0..self.workers.len()).any(|w| {
            self.serving(w, instance.app()).chain(self.previewed(w, instance.app())).any(|id| id == instance)
        })
    }

    /// Whether some worker has something yet to take up.
    pub(super) fn is_behind(&self) -> bool {
        self.workers.iter().any(|w| !w.coming.is_empty())
    }

    /// Requests of an app that were served, by release.
    fn served_by(&self, app: &AppName) -> BTreeMap<ReleaseId, u64> {
        let mut by_release = BTreeMap::new();
        for (_, (release, served)) in self.served_by.iter().filter(|(id, _)| id.app() == app) {
            *by_release.entry(*release).or_default() += served;
        }
        by_release
    }

    pub(super) fn count_served(&mut self, request: &Request, app: &AppName) {
        self.counts.entry(app.clone()).or_default().served += 1;
        self.served_by.entry(request.instance.clone()).or_insert((request.release, 0)).1 += 1;
    }
}

impl World {
    /// Another proxy process.
    pub(super) fn start_proxy(&mut self) {
        self.next_pid += 1;
        let pid = self.next_pid;
        self.trace(|| format!("proxy {pid} begins"));
        self.proxy = Some(Proxy::new(pid, self.scenario.workers));
        self.queue.after(1_000, Event::Counters { proxy: pid });
        self.connect();
    }

    /// The proxy is killed, with all that was in flight.
    pub(super) fn kill_proxy(&mut self, away: u64) {
        let Some(dead) = self.proxy.take() else { return };
        self.trace(|| format!("proxy {} is killed", dead.pid));
        self.proxy_lost_at = self.queue.now;
        self.queue.after(away.max(1), Event::ProxyStarts);
        self.tell_control(Input::ProxyDown { pid: dead.pid });
    }

    pub(super) fn at_proxy(&mut self, message: ToProxy) {
        let now = self.queue.now;
        let Some(proxy) = &mut self.proxy else { return };
        match message {
            ToProxy::Connected { control } => {
                proxy.peer = Some(control);
                let (pid, generation) = (proxy.pid, proxy.everywhere());
                self.proxy_says(Input::ProxyUp {
                    pid,
                    generation,
                    since: Moment::default(),
                    retiring: false,
                });
            }
            ToProxy::Apply(snapshot) => {
                if snapshot.generation == proxy.newest {
                    let generation = snapshot.generation.0;
                    return self.broken(Broken::GenerationReused { generation });
                }
                if snapshot.generation < proxy.newest {
                    return;
                }
                proxy.newest = snapshot.generation;
                let routing = Rc::new(Routing::from(&*snapshot));
                let pid = proxy.pid;
                for worker in 0..proxy.workers() {
                    let lag = match self.lag {
                        Some((slow, lag, until)) if slow % proxy.workers.len() == worker && now < until => {
                            lag
                        }
                        _ => self.rng.u64(0..=3),
                    };
                    let state = &mut proxy.workers[worker];
                    state.done_at = state.done_at.max(now + lag);
                    state.coming.push_back(Rc::clone(&routing));
                    self.queue.at(state.done_at, Event::WorkerApplies { proxy: pid, worker });
                }
            }
        }
    }

    pub(super) fn worker_applies(&mut self, worker: usize) {
        let sabotaged = self.scenario.sabotage == Some(Sabotage::AcknowledgesEarly);
        let Some(proxy) = &mut self.proxy else { return };
        let Some(routing) = proxy.workers[worker].coming.pop_front() else { return };
        let newest = routing.generation;
        proxy.workers[worker].routing = routing;
        proxy.workers[worker].since.get_or_insert(self.queue.now);
        let reached = if sabotaged { newest } else { proxy.everywhere() };
        if reached > proxy.answered {
            proxy.answered = reached;
            let proxy_pid = proxy.pid;
            let backlog = self.backlog(|_| true);
            if self.queue.now < self.deaf_until {
                self.trace(|| format!("the answer to {reached} is lost"));
            } else {
                let proxy = proxy_pid;
                self.proxy_says(Input::Applied { proxy, generation: reached, backlog });
                self.report_counters();
            }
        }
        self.check_capacity(worker);
    }

    /// What instances are working on.
    fn backlog(&self, which: impl Fn(&InstanceId) -> bool) -> Backlog {
        let Some(proxy) = &self.proxy else { return Backlog::default() };
        let rows = proxy.in_flight.iter().filter_map(|(pid, in_flight)| {
            let id = &self.processes.get(pid)?.instance;
            (*in_flight != InFlight::default() && which(id)).then(|| (id.clone(), *in_flight))
        });
        Backlog { instances: rows.collect() }
    }

    /// An instance that gets no new requests has finished its last one.
    pub(super) fn report_idle(&mut self, instance: &InstanceId) {
        let Some(proxy) = &self.proxy else { return };
        if !proxy.routes_to(instance) {
            let instances = vec![(instance.clone(), InFlight::default())];
            let proxy = proxy.pid;
            self.proxy_says(Input::Backlog { proxy, backlog: Backlog { instances } });
        }
    }

    /// Once a second.
    pub(super) fn counters_due(&mut self) {
        let Some(pid) = self.proxy.as_ref().map(|p| p.pid) else { return };
        self.queue.after(1_000, Event::Counters { proxy: pid });
        self.report_counters();
        let finishing = self.backlog(|id| !self.proxy.as_ref().is_some_and(|p| p.routes_to(id)));
        if !finishing.instances.is_empty() {
            self.proxy_says(Input::Backlog { proxy: pid, backlog: finishing });
        }
        self.check_progress();
    }

    fn report_counters(&mut self) {
        let Some(proxy) = &self.proxy else { return };
        let known: BTreeSet<&InstanceId> =
            proxy.workers.iter().flat_map(|w| w.routing.apps.values().flatten()).map(|(id, _)| id).collect();
        let traffic = |served| TrafficCount { served, ..TrafficCount::default() };
        let instances = proxy.served_by.iter().filter(|(id, _)| known.contains(id));
        let counters = Counters {
            instances: instances
                .map(|(id, (release, served))| InstanceCounters {
                    instance: id.clone(),
                    release: *release,
                    traffic: traffic(*served),
                    in_flight: InFlight::default(),
                    classes: [0; 5],
                    ejections: 0,
                    ejected: None,
                })
                .collect(),
            apps: (0..self.scenario.apps.len())
                .map(|place| AppCounters {
                    app: spec::name(place),
                    traffic: proxy.counts.get(&spec::name(place)).copied().unwrap_or_default(),
                    served_by: proxy.served_by(&spec::name(place)),
                    longest_stall_ms: 0,
                    holding: 0,
                    held_us: 0,
                    releases: BTreeMap::new(),
                })
                .collect(),
            ..Counters::default()
        };
        let proxy = proxy.pid;
        self.proxy_says(Input::Counters { proxy, counters });
    }

    /// To the control that it is connected to.
    fn proxy_says(&mut self, input: Input) {
        let peer = self.proxy.as_ref().and_then(|p| p.peer);
        if peer.is_some() && peer == self.control.as_ref().map(|c| c.number) {
            self.tell_control(input);
        }
    }
}

impl From<&Snapshot> for Routing {
    fn from(snapshot: &Snapshot) -> Self {
        let backends = |app: &gapless_routing::AppRouting| {
            app.backends.iter().map(|b| (b.instance.clone(), b.duty)).collect()
        };
        let apps = snapshot.apps.iter().map(|app| (app.app.clone(), backends(app)));
        Self { generation: snapshot.generation, apps: apps.collect() }
    }
}
