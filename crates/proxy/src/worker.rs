//! A worker: one thread with everything that it needs of its own, so that a request meets no lock.

use crate::access_log::AccessLog;
use crate::app::App;
use crate::backend::Backend;
use crate::connection::serve;
use crate::crew::{Crew, Handed};
use crate::ending::Ending;
use crate::headers::RequestIds;
use crate::listener::{Listener, Queue};
use crate::plan::{AppReport, InstanceReport, Plan, Report, What, Word};
use crate::table::Table;
use crate::tls::Terms;
use crate::websocket::Finish;
use gapless_model::app::DrainSpec;
use gapless_model::trust::Trust;
use gapless_model::{AppName, ErrorPages, InstanceId};
use gapless_routing::{AppRouting, Duty, InFlight, Protocol, ProxyCounters};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

/// How often idle connections to instances are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// What a worker hears and says.
pub(crate) struct Lines {
    pub(crate) plans: watch::Receiver<Arc<Plan>>,
    /// The newest plan that every worker has.
    pub(crate) settled: watch::Receiver<u64>,
    pub(crate) questions: watch::Receiver<u64>,
    pub(crate) handed: mpsc::Receiver<Handed>,
    pub(crate) words: mpsc::Sender<Word>,
}

/// Who gets new requests of an app.
#[derive(Default)]
struct Serving {
    /// Anybody's.
    public: Vec<Rc<Backend>>,
    /// Those that ask for the release that is not public.
    private: Vec<Rc<Backend>>,
}

/// A worker's own world.
pub(crate) struct Worker {
    crew: Crew,
    pub(crate) terms: Arc<Terms>,
    /// How often a client's connection is looked at.
    pub(crate) look: Duration,
    apps: RefCell<BTreeMap<AppName, Rc<App>>>,
    backends: RefCell<BTreeMap<InstanceId, Rc<Backend>>>,
    listeners: RefCell<BTreeMap<SocketAddr, Rc<Listener>>>,
    pub(crate) access_log: AccessLog,
    error_pages: RefCell<ErrorPages>,
    trust: RefCell<Trust>,
    pub(crate) ids: RequestIds,
    pub(crate) active: Rc<Cell<u32>>,
    newsroom: Rc<Notify>,
    /// The number of the plan in force.
    plan: Cell<u64>,
    counted: Cell<ProxyCounters>,
}

impl Worker {
    /// A worker that routes nothing yet.
    pub(crate) fn new(crew: Crew, terms: Arc<Terms>, access_log: AccessLog, look: Duration) -> Self {
        Self {
            crew,
            terms,
            look,
            apps: RefCell::default(),
            backends: RefCell::default(),
            listeners: RefCell::default(),
            access_log,
            error_pages: RefCell::default(),
            trust: RefCell::default(),
            ids: RequestIds::default(),
            active: Rc::default(),
            newsroom: Rc::default(),
            plan: Cell::new(0),
            counted: Cell::default(),
        }
    }

    /// Works until the main thread is gone.
    pub(crate) async fn run(self: Rc<Self>, mut lines: Lines) {
        tokio::task::spawn_local({
            let worker = Rc::clone(&self);
            async move { worker.access_log.flush_forever().await }
        });
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let what = tokio::select! {
                biased;
                changed = lines.plans.changed() => {
                    if changed.is_err() { return }
                    self.take_up(&mut lines.plans)
                }
                changed = lines.settled.changed() => {
                    if changed.is_err() { return }
                    self.settle(*lines.settled.borrow_and_update());
                    continue;
                }
                () = self.newsroom.notified() => What::Finished(self.finished()),
                changed = lines.questions.changed() => {
                    if changed.is_err() { return }
                    let question = *lines.questions.borrow_and_update();
                    What::Report { question, report: self.report() }
                }
                Some(handed) = lines.handed.recv() => {
                    // It may be of a listener that whoever accepted it has by a plan that came just now.
                    let newer = lines.plans.has_changed().unwrap_or(false);
                    let applied = newer.then(|| self.take_up(&mut lines.plans));
                    self.take_over(handed);
                    let Some(applied) = applied else { continue };
                    applied
                }
                _ = sweep.tick() => {
                    let now = Instant::now();
                    self.backends.borrow().values().for_each(|backend| backend.pool.sweep(now));
                    continue;
                }
            };
            // The main thread takes them faster than they can come.
            if lines.words.send(Word { worker: self.crew.me(), what }).await.is_err() {
                return;
            }
        }
    }

    /// Routes by the newest plan.
    fn take_up(self: &Rc<Self>, plans: &mut watch::Receiver<Arc<Plan>>) -> What {
        let plan = Arc::clone(&plans.borrow_and_update());
        self.apply(&plan);
        What::Applied { plan: plan.number, report: self.report() }
    }

    /// Routes by this plan from here on: all of it happens between two requests.
    fn apply(self: &Rc<Self>, plan: &Plan) {
        self.plan.set(plan.number);
        self.apply_apps(plan);
        self.apply_listeners(plan);
        self.access_log.turn(plan.snapshot.access_log);
        self.error_pages.replace(plan.snapshot.error_pages.clone());
        self.trust.replace(plan.snapshot.trust.clone());
    }

    /// Every worker has this plan. Only now are clients sent away from those that retire by it, as before they
    /// could come back by another worker to where they were.
    fn settle(&self, plan: u64) {
        if plan == self.plan.get() {
            self.backends.borrow().values().for_each(|backend| backend.begin_finish());
        }
    }

    fn apply_apps(&self, plan: &Plan) {
        let mut apps = self.apps.borrow_mut();
        let mut named = HashSet::new();
        for routing in &plan.snapshot.apps {
            let places = plan.places.get(&routing.app).cloned().unwrap_or_default();
            let Serving { public, private } = self.apply_backends(routing, plan.ending, &mut named);
            let app = apps
                .entry(routing.app.clone())
                .or_insert_with(|| Rc::new(App::new(routing.app.clone(), Arc::clone(&places))));
            app.stop(routing.stopped);
            app.update(routing, places, public);
            app.update_preview(routing, private);
        }
        for (name, app) in apps.iter() {
            // Every app of the snapshot has its places.
            if !plan.places.contains_key(name) {
                app.leave();
            }
        }
        for (instance, backend) in self.backends.borrow().iter() {
            if !named.contains(instance) {
                backend.leave();
                if let Some(ending) = plan.ending {
                    backend.plan_finish(Some(ending.finish(&DrainSpec::default())));
                }
            }
        }
    }

    /// Takes what a snapshot says of one app's instances. Returns those that serve.
    fn apply_backends<'a>(
        &self,
        routing: &'a AppRouting,
        ending: Option<Ending>,
        named: &mut HashSet<&'a InstanceId>,
    ) -> Serving {
        let mut backends = self.backends.borrow_mut();
        let mut serving = Serving::default();
        for view in &routing.backends {
            named.insert(&view.instance);
            let backend = backends
                .entry(view.instance.clone())
                .or_insert_with(|| Rc::new(Backend::new(view, Rc::clone(&self.newsroom))));
            backend.update(view);
            let finish = view.retiring.map(|retiring| Finish::of(&routing.drain, &retiring));
            backend.plan_finish(match ending {
                Some(ending) => Some(ending.finish(&routing.drain).or_earlier(finish)),
                None => finish,
            });
            match backend.duty() {
                Duty::Serve { .. } => serving.public.push(Rc::clone(backend)),
                Duty::Preview => serving.private.push(Rc::clone(backend)),
                Duty::Finish => {}
            }
        }
        serving
    }

    fn apply_listeners(self: &Rc<Self>, plan: &Plan) {
        let mut listeners = self.listeners.borrow_mut();
        let mut tables = self.tables(plan);
        for (address, socket) in &plan.sockets {
            let listener = match listeners.get(address) {
                Some(listener) if listener.accepts_on(socket) => Rc::clone(listener),
                former => {
                    if let Some(former) = former {
                        former.close(Queue::Ours);
                    }
                    let listener = Rc::new(Listener::new(*address, socket));
                    let socket = match socket.try_clone() {
                        Ok(socket) => socket,
                        Err(error) => {
                            tracing::error!(%address, %error, "cannot copy a listener");
                            continue;
                        }
                    };
                    listeners.insert(*address, Rc::clone(&listener));
                    tokio::task::spawn_local(Rc::clone(&listener).accept(Rc::clone(self), socket));
                    listener
                }
            };
            let wanted = plan.snapshot.listeners.iter().find(|listener| listener.address == *address);
            let protocol = wanted.map_or(Protocol::Plain, |listener| listener.protocol);
            listener.route(tables.remove(address).unwrap_or_default(), protocol);
        }
        let followed = matches!(plan.ending, Some(Ending::Retiring { .. }));
        for (address, listener) in listeners.iter() {
            if plan.sockets.iter().any(|(wanted, _)| wanted == address) {
                continue;
            }
            if !listener.is_closing() {
                listener.close(if followed { Queue::Successors } else { Queue::Ours });
            }
            // The answers that its clients still get are as anybody's.
            if let Some(table) = tables.remove(address).filter(|_| followed) {
                listener.reroute(table);
            }
        }
    }

    /// The routes of each listener.
    fn tables(&self, plan: &Plan) -> HashMap<SocketAddr, Table<Rc<App>>> {
        let apps = self.apps.borrow();
        let mut tables: HashMap<SocketAddr, Table<Rc<App>>> = HashMap::new();
        for route in &plan.snapshot.routes {
            if let Some(app) = apps.get(&route.app) {
                let table = tables.entry(route.listener).or_default();
                table.insert(route.host.as_ref(), &route.path, Rc::clone(app));
            }
        }
        let previews = plan.snapshot.apps.iter().filter_map(|app| Some((&app.app, app.preview.as_ref()?)));
        for (name, at) in previews.filter_map(|(name, preview)| Some((name, preview.address?))) {
            if let Some(preview) = apps.get(name).map(|app| app.preview()).as_deref().and_then(Option::as_ref)
            {
                // Never where anybody is served.
                if let Entry::Vacant(place) = tables.entry(at) {
                    place.insert(Table::default()).insert(None, "/", Rc::clone(preview.app()));
                }
            }
        }
        tables
    }

    /// What was counted since this was last called. What has left and has nothing more to say is forgotten.
    fn report(&self) -> Report {
        let mut backends = self.backends.borrow_mut();
        let mut apps = self.apps.borrow_mut();
        let now = Instant::now();
        let instance = |backend: &Rc<Backend>| InstanceReport {
            health: backend.health.take(now),
            instance: backend.instance.clone(),
            release: backend.release,
            traffic: backend.tally.take(),
            answers: backend.meter.take(),
            in_flight: backend.in_flight(),
        };
        let app = |app: &Rc<App>| AppReport {
            app: app.name.clone(),
            traffic: app.tally.take(),
            longest_stall: app.take_stall(),
            held: app.take_held(),
            holding: app.holding.get(),
        };
        let report = Report {
            instances: backends.values().map(instance).collect(),
            apps: apps.values().map(app).collect(),
            active: self.active.get(),
            proxy: ProxyCounters { open: u64::from(self.crew.count()), ..self.counted.take() },
        };
        // Requests that still count for them hold them.
        backends.retain(|_, backend| backend.serves() || backend.has_news() || Rc::strong_count(backend) > 1);
        apps.retain(|_, app| !app.has_left() || Rc::strong_count(app) > 1);
        report
    }

    /// Instances that finish and have less to do than when this was last called.
    fn finished(&self) -> Vec<(InstanceId, InFlight)> {
        let backends = self.backends.borrow();
        let news = backends.values().filter(|backend| backend.take_news());
        news.map(|backend| (backend.instance.clone(), backend.in_flight())).collect()
    }

    /// Serves a connection that was just accepted, or gives it to a worker that has fewer.
    pub(crate) fn place(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, listener: &Rc<Listener>) {
        let Some(stream) = self.crew.hand_over(stream, peer, listener.address) else { return };
        self.serve(stream, peer, Rc::clone(listener));
    }

    /// Serves a connection that another worker has accepted.
    fn take_over(self: &Rc<Self>, handed: Handed) {
        let listener = self.listeners.borrow().get(&handed.listener).map(Rc::clone);
        match (TcpStream::from_std(handed.stream), listener) {
            (Ok(stream), Some(listener)) => {
                self.serve(stream, handed.peer, listener);
            }
            (Err(error), _) => tracing::error!(%error, "cannot take over a connection"),
            (_, None) => tracing::error!(address = %handed.listener, "a connection of an unknown listener"),
        }
    }

    /// What clients see when the proxy answers by itself.
    pub(crate) fn error_pages(&self) -> ErrorPages {
        self.error_pages.borrow().clone()
    }

    /// Whether what a client at this address says of whom it speaks for is believed.
    pub(crate) fn believes(&self, ip: IpAddr) -> bool {
        self.trust.borrow().believes(ip.to_canonical())
    }

    /// Counts something that belongs to no app.
    pub(crate) fn count(&self, what: impl FnOnce(&mut ProxyCounters)) {
        let mut now = self.counted.get();
        what(&mut now);
        self.counted.set(now);
    }

    /// Serves a connection itself.
    pub(crate) fn serve(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, listener: Rc<Listener>) {
        self.count(|counters| counters.accepted += 1);
        tokio::task::spawn_local(serve(Rc::clone(self), stream, peer, listener, self.crew.open()));
    }
}
