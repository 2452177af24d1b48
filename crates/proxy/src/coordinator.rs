//! The main thread: between control and the workers.

use crate::census::Census;
use crate::ending::Standing;
use crate::link::{Heard, Link};
use crate::plan::{Plan, What, Word};
use crate::sockets::Sockets;
use crate::tls::{Author, Terms};
use gapless_model::{Generation, Moment};
use gapless_routing::{Backlog, Snapshot, ToControl, ToProxy, WIRE};
use std::future::pending;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often control gets the counters.
const REPORT: Duration = Duration::from_secs(1);

/// How often it is looked whether all is finished, while shutting down.
const LOOK: Duration = Duration::from_millis(25);

/// What SIGTERM gives to requests that have begun.
const TERM: Duration = Duration::from_secs(30);

/// What the workers hear.
pub(crate) struct Orders {
    pub(crate) plans: watch::Sender<Arc<Plan>>,
    /// The newest plan that every worker has.
    pub(crate) settled: watch::Sender<u64>,
    pub(crate) questions: watch::Sender<u64>,
}

/// The main thread.
pub(crate) struct Coordinator {
    link: Link,
    orders: Orders,
    words: mpsc::Receiver<Word>,
    census: Census,
    terms: Arc<Terms>,
    author: Author,
    sockets: Sockets,
    plan: Arc<Plan>,
    /// The newest plan of each worker.
    applied: Vec<u64>,
    /// The newest plan that control knows to be applied.
    announced: u64,
    /// The newest question that each worker has answered.
    answered: Vec<u64>,
    /// The newest question, and whether control has got the answer.
    question: u64,
    told: u64,
    since: Moment,
    standing: Standing,
}

impl Coordinator {
    /// A main thread over so many workers.
    pub(crate) fn new(
        link: Link,
        workers: usize,
        terms: Arc<Terms>,
        orders: Orders,
        words: mpsc::Receiver<Word>,
    ) -> Self {
        Self {
            link,
            orders,
            words,
            census: Census::new(workers),
            terms,
            author: Author::default(),
            sockets: Sockets::default(),
            plan: Arc::default(),
            applied: vec![0; workers],
            announced: 0,
            answered: vec![0; workers],
            question: 0,
            told: 0,
            since: crate::clock::now(),
            standing: Standing::Serving,
        }
    }

    /// Works until all is finished after being told to stop. A proxy with a dead worker would acknowledge no
    /// snapshot any more: it ends at once when `all_live` says so, and another takes its place.
    pub(crate) async fn run(mut self, all_live: impl Fn() -> bool) {
        let mut term = signal(SignalKind::terminate()).ok();
        let mut report = every(REPORT);
        let mut look = every(LOOK);
        while !self.standing.is_done(self.announced == self.plan.number) {
            tokio::select! {
                biased;
                Some(word) = self.words.recv() => self.take(&word),
                heard = self.link.hear() => self.hear(heard),
                () = terminated(term.as_mut()) => self.close(TERM),
                _ = report.tick(), if !self.standing.is_closing() => {
                    if !all_live() {
                        break;
                    }
                    if self.standing.is_overdue() {
                        self.close(TERM);
                    }
                    if self.link.is_connected() || self.standing.is_retiring() {
                        self.ask();
                    }
                }
                _ = look.tick(), if self.standing.is_closing() => self.ask(),
            }
        }
        self.link.finish().await;
        tracing::info!("the proxy ends");
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Connected => {
                self.census.forget_what_was_told();
                let hello = ToControl::Hello {
                    pid: std::process::id(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    generation: self.generation(),
                    listeners: self.sockets.addresses(),
                    since: self.since,
                    retiring: self.standing.ending().is_some(),
                    wire: WIRE,
                };
                self.link.tell(hello, Vec::new());
            }
            Heard::Message(ToProxy::Apply(snapshot), descriptors) => self.apply(snapshot, descriptors),
            Heard::Message(ToProxy::Certificates(certificates), _) => {
                let number = certificates.number;
                let troubles = self.author.change(&self.terms, certificates);
                self.link.tell(ToControl::Certified { number, troubles }, Vec::new());
            }
            Heard::Message(ToProxy::Retire { within }, _) => self.retire(Duration::from_millis(within)),
            Heard::Message(ToProxy::GiveListeners, _) => self.give_listeners(),
            Heard::Message(ToProxy::Shutdown { within }, _) => self.close(Duration::from_millis(within)),
        }
    }

    /// What every worker has.
    fn generation(&self) -> Generation {
        if self.announced == self.plan.number { self.plan.snapshot.generation } else { Default::default() }
    }

    fn apply(&mut self, snapshot: Snapshot, descriptors: Vec<OwnedFd>) {
        let generation = snapshot.generation;
        if self.standing.is_closing() {
            let message = "the proxy is shutting down".to_owned();
            return self.link.tell(ToControl::Refused { generation, message }, Vec::new());
        }
        if self.standing.is_retiring() {
            // The sockets are its successor's.
            return self.distribute(snapshot);
        }
        match self.sockets.wanted_by(&snapshot, descriptors) {
            Ok(sockets) => {
                self.sockets = sockets;
                self.distribute(snapshot);
            }
            Err(error) => {
                tracing::warn!(%generation, %error, "a snapshot was refused");
                self.link.tell(ToControl::Refused { generation, message: error.to_string() }, Vec::new());
            }
        }
    }

    fn distribute(&mut self, snapshot: Snapshot) {
        let place = |app: &gapless_model::AppName| {
            (app.clone(), self.plan.places.get(app).map(Arc::clone).unwrap_or_default())
        };
        let places = snapshot.apps.iter().map(|routing| place(&routing.app)).collect();
        let number = self.plan.number + 1;
        let ending = self.standing.ending();
        self.plan = Arc::new(Plan { number, snapshot, sockets: self.sockets.list(), places, ending });
        self.orders.plans.send_replace(Arc::clone(&self.plan));
    }

    fn take(&mut self, word: &Word) {
        self.census.take(word.worker, &word.what);
        match &word.what {
            What::Applied { plan, .. } => {
                self.applied[word.worker] = *plan;
                if self.announced < self.plan.number && self.applied.iter().all(|n| *n == self.plan.number) {
                    self.announce();
                }
            }
            What::Report { question, .. } => {
                self.answered[word.worker] = *question;
                if self.told < self.question && self.answered.iter().all(|n| *n == self.question) {
                    self.told = self.question;
                    self.tell_counters();
                }
            }
            // Before all have the plan, one that is done for some could still get work from others.
            What::Finished(news) if self.announced == self.plan.number => {
                self.tell_backlog(self.census.of(news.iter().map(|(instance, _)| instance)));
            }
            What::Finished(_) => {}
        }
    }

    /// Every worker has the plan.
    fn announce(&mut self) {
        self.announced = self.plan.number;
        self.orders.settled.send_replace(self.announced);
        if self.standing.is_closing() {
            return;
        }
        let generation = self.plan.snapshot.generation;
        self.link.tell(ToControl::Applied { generation, backlog: self.census.backlog() }, Vec::new());
        self.tell_totals();
        let (done, _) = self.census.finishing(&self.plan.snapshot);
        self.tell_backlog(done);
    }

    fn tell_counters(&mut self) {
        self.standing.look(self.census.open(), self.census.active());
        if self.standing.is_closing() {
            return;
        }
        if self.announced == self.plan.number {
            let (_, busy) = self.census.finishing(&self.plan.snapshot);
            self.tell_backlog(busy);
        }
        self.tell_totals();
    }

    fn tell_totals(&mut self) {
        let mut counters = self.census.counters(&self.plan.snapshot);
        counters.handshakes = self.terms.handshakes();
        self.link.tell(ToControl::Counters(counters), Vec::new());
    }

    fn tell_backlog(&mut self, backlog: Backlog) {
        if !backlog.instances.is_empty() {
            self.link.tell(ToControl::Backlog(backlog), Vec::new());
        }
    }

    /// Asks all workers what they have counted.
    fn ask(&mut self) {
        self.question += 1;
        self.orders.questions.send_replace(self.question);
    }

    fn give_listeners(&mut self) {
        let mut addresses = Vec::new();
        let mut copies = Vec::new();
        for (address, socket) in self.sockets.list() {
            match socket.try_clone() {
                Ok(copy) => {
                    addresses.push(address);
                    copies.push(copy);
                }
                Err(error) => tracing::error!(%address, %error, "cannot copy a listener"),
            }
        }
        self.link.tell(ToControl::Listeners { addresses }, copies);
    }

    /// Accepts no more, as another one does, and ends when the last client has gone, or time is up.
    fn retire(&mut self, within: Duration) {
        tracing::info!(?within, "another proxy follows; this one finishes with the clients that it has");
        self.standing.retire(crate::clock::now(), within);
        self.accept_no_more();
    }

    /// Accepts no more, and ends when what has begun is done, or time is up.
    fn close(&mut self, within: Duration) {
        tracing::info!(?within, "the proxy finishes what has begun");
        self.standing.close(crate::clock::now(), within);
        self.accept_no_more();
    }

    fn accept_no_more(&mut self) {
        self.sockets = Sockets::default();
        self.distribute(self.plan.snapshot.clone());
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn terminated(term: Option<&mut Signal>) {
    match term {
        Some(term) => {
            term.recv().await;
        }
        None => pending().await,
    }
}
