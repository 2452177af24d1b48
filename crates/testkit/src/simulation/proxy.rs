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

/// How long clients of a proxy that retires may still send it requests, on the connections that they have.
const CLIENTS_STAY: u64 = 700;

/// What reaches a proxy.
#[derive(Debug)]
pub(super) enum ToProxy {
    /// Route like this.
    Apply(Box<Snapshot>),
    /// Another one serves: finish.
    Retire,
}

/// A proxy process.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) pid: u32,
    /// Which version of Gapless it is.
    pub(super) version: u32,
    /// When it began.
    since: u64,
    /// The control that it talks to.
    pub(super) peer: Option<u64>,
    /// Until when the clients that it has may still send requests, if it retires.
    retires: Option<u64>,
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
    fn new(pid: u32, workers: usize, version: u32, since: u64) -> Self {
        Self {
            pid,
            version,
            since,
            peer: None,
            retires: None,
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

    /// Whether it accepts connections. Listening sockets come with the first snapshot.
    fn accepts(&self) -> bool {
        self.retires.is_none()
    }

    /// Whether it has been told whom to send requests to.
    pub(super) fn routes(&self) -> bool {
        self.newest > Generation::default()
    }

    /// Whether clients of its own may send it requests.
    fn has_clients(&self, now: u64) -> bool {
        self.retires.is_none_or(|until| now < until)
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
    /// One that is there.
    pub(super) fn proxy(&self, pid: u32) -> Option<&Proxy> {
        self.proxies.iter().find(|p| p.pid == pid)
    }

    pub(super) fn proxy_mut(&mut self, pid: u32) -> Option<&mut Proxy> {
        self.proxies.iter_mut().find(|p| p.pid == pid)
    }

    /// Those that accept connections, the oldest first.
    pub(super) fn accepting(&self) -> impl DoubleEndedIterator<Item = &Proxy> {
        self.proxies.iter().filter(|p| p.accepts())
    }

    /// A proxy that the next request comes to: one that has a listening socket, or a client from when it had.
    pub(super) fn any_proxy(&mut self) -> Option<u32> {
        let now = self.queue.now;
        let routes = |p: &&Proxy| p.has_clients(now) && p.routes();
        let able: Vec<u32> = self.proxies.iter().filter(routes).map(|p| p.pid).collect();
        match able[..] {
            [] => self.accepting().next_back().map(|p| p.pid),
            [one] => Some(one),
            _ => self.rng.choice(able),
        }
    }

    /// Another proxy process.
    pub(super) fn start_proxy(&mut self, version: u32) {
        self.next_pid += 1;
        let pid = self.next_pid;
        self.trace(|| format!("proxy {pid} of version {version} begins"));
        self.proxies.push(Proxy::new(pid, self.scenario.workers, version, self.queue.now));
        self.queue.after(1_000, Event::Counters { proxy: pid });
        self.connect();
    }

    /// The proxy that serves is killed, with all that was in flight.
    pub(super) fn kill_proxy(&mut self, away: u64) {
        let Some(pid) = self.accepting().next_back().map(|p| p.pid) else { return };
        self.proxies.retain(|p| p.pid != pid);
        self.trace(|| format!("proxy {pid} is killed"));
        self.proxy_lost_at = self.queue.now;
        self.queue.after(away.max(1), Event::ProxyStarts);
        self.tell_control(Input::ProxyDown { pid });
    }

    /// A former proxy ends when it has nothing left to do.
    pub(super) fn end_proxy(&mut self, pid: u32) {
        let now = self.queue.now;
        let over = |p: &Proxy| !p.has_clients(now) && p.requests.is_empty() && p.held.is_empty();
        if !self.proxy(pid).is_some_and(over) {
            return;
        }
        self.report_counters(pid);
        self.proxies.retain(|p| p.pid != pid);
        self.trace(|| format!("proxy {pid} ends"));
        self.tell_control(Input::ProxyDown { pid });
    }

    /// Control has connected to those that it had no connection to.
    pub(super) fn found_proxies(&mut self, pids: &[u32]) {
        let control = self.control().number;
        let overlooks = self.scenario.sabotage == Some(Sabotage::OverlooksFormerProxy);
        let first = if overlooks { self.proxies.len() - 1 } else { 0 };
        let found =
            self.proxies[first..].iter_mut().filter(|p| pids.contains(&p.pid) && p.peer != Some(control));
        let hellos: Vec<_> = found
            .map(|proxy| {
                proxy.peer = Some(control);
                let (pid, generation) = (proxy.pid, proxy.everywhere());
                let since = Moment::from_millis(proxy.since);
                Input::ProxyUp { pid, generation, since, retiring: !proxy.accepts() }
            })
            .collect();
        if !hellos.is_empty() {
            self.tell_control_all(hellos);
        }
    }

    pub(super) fn at_proxy(&mut self, pid: u32, message: ToProxy) {
        let now = self.queue.now;
        let Some(at) = self.proxies.iter().position(|p| p.pid == pid) else { return };
        let proxy = &mut self.proxies[at];
        match message {
            ToProxy::Retire => {
                let until = now + CLIENTS_STAY;
                proxy.retires.get_or_insert(until);
                self.trace(|| format!("proxy {pid} retires"));
                self.queue.at(until, Event::MayEnd { proxy: pid });
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

    pub(super) fn worker_applies(&mut self, pid: u32, worker: usize) {
        let sabotaged = self.scenario.sabotage == Some(Sabotage::AcknowledgesEarly);
        let now = self.queue.now;
        let Some(proxy) = self.proxy_mut(pid) else { return };
        let Some(routing) = proxy.workers[worker].coming.pop_front() else { return };
        let newest = routing.generation;
        proxy.workers[worker].routing = routing;
        proxy.workers[worker].since.get_or_insert(now);
        let reached = if sabotaged { newest } else { proxy.everywhere() };
        if reached > proxy.answered {
            proxy.answered = reached;
            let backlog = self.backlog(pid, |_| true);
            if now < self.deaf_until {
                self.trace(|| format!("the answer of {pid} to {reached} is lost"));
            } else {
                self.proxy_says(pid, Input::Applied { proxy: pid, generation: reached, backlog });
                self.report_counters(pid);
            }
        }
        self.check_capacity(pid, worker);
    }

    /// What instances are working on.
    fn backlog(&self, pid: u32, which: impl Fn(&InstanceId) -> bool) -> Backlog {
        let Some(proxy) = self.proxy(pid) else { return Backlog::default() };
        let rows = proxy.in_flight.iter().filter_map(|(pid, in_flight)| {
            let id = &self.processes.get(pid)?.instance;
            (*in_flight != InFlight::default() && which(id)).then(|| (id.clone(), *in_flight))
        });
        Backlog { instances: rows.collect() }
    }

    /// An instance that gets no new requests has finished its last one.
    pub(super) fn report_idle(&mut self, pid: u32, instance: &InstanceId) {
        if self.proxy(pid).is_some_and(|proxy| !proxy.routes_to(instance)) {
            let instances = vec![(instance.clone(), InFlight::default())];
            self.proxy_says(pid, Input::Backlog { proxy: pid, backlog: Backlog { instances } });
        }
    }

    /// Once a second.
    pub(super) fn counters_due(&mut self, pid: u32) {
        let Some(proxy) = self.proxy(pid) else { return };
        let finishing = self.backlog(pid, |id| !proxy.routes_to(id));
        self.queue.after(1_000, Event::Counters { proxy: pid });
        self.report_counters(pid);
        if !finishing.instances.is_empty() {
            self.proxy_says(pid, Input::Backlog { proxy: pid, backlog: finishing });
        }
        self.check_progress();
    }

    fn report_counters(&mut self, pid: u32) {
        let Some(proxy) = self.proxy(pid) else { return };
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
        self.proxy_says(pid, Input::Counters { proxy: pid, counters });
    }

    /// To the control that it is connected to.
    fn proxy_says(&mut self, pid: u32, input: Input) {
        let peer = self.proxy(pid).and_then(|p| p.peer);
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
