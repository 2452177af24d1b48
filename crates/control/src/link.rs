//! The links to the proxies: finds them, starts one if none serves, sends them what to route and passes on
//! what they say. When a link breaks its proxy goes on with what it has.
//!
//! There is one proxy, but while another takes its place: then there are two that accept connections, from the
//! same queue, until the newer one routes by our snapshot; then the older one is told to retire, and stays
//! until its last client has gone.

mod starter;
mod talk;

use crate::listeners::Listeners;
use camino::Utf8PathBuf;
use gapless_routing::frame::FrameError;
use gapless_routing::socket::sockets;
use gapless_routing::{Certificates, Snapshot, ToControl};
use starter::Starter;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub use talk::Hello;
use talk::{Ended, Greeted, greet};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How often a proxy that was just started is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// How long a successor may take to say who it is.
const COMING_UP: Duration = Duration::from_secs(10);

/// What the links pass on.
#[derive(Debug)]
pub enum LinkEvent {
    /// These proxies are there: all that can be found, when it comes first.
    Found(Vec<Hello>),
    /// A proxy said something.
    Said {
        /// Its process.
        proxy: u32,
        /// What.
        message: Box<ToControl>,
    },
    /// A proxy is gone.
    Broken {
        /// Its process.
        proxy: u32,
    },
}

/// What the links are told.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Route like this. Only the newest counts.
    pub snapshot: Option<Snapshot>,
    /// End: finish what is begun within this time.
    pub shutdown: Option<Duration>,
    /// How many workers a proxy has that is started from now on; none means one per core.
    pub workers: Option<u32>,
    /// Those that another one follows.
    pub retire: BTreeSet<u32>,
}

/// The wish for another proxy beside the one that serves. Answered with its process id when it is there, or with
/// what went wrong.
pub type Successor = oneshot::Sender<Result<u32, String>>;

/// What all links have in common.
#[derive(Clone)]
struct Shared {
    listeners: Listeners,
    orders: watch::Receiver<Orders>,
    certificates: watch::Receiver<Arc<Certificates>>,
    events: mpsc::Sender<LinkEvent>,
}

/// What links are kept with.
pub struct Surroundings {
    /// The listening sockets.
    pub listeners: Listeners,
    /// What is ordered.
    pub orders: watch::Receiver<Orders>,
    /// What TLS is spoken by.
    pub certificates: watch::Receiver<Arc<Certificates>>,
    /// Where to say what happens.
    pub events: mpsc::Sender<LinkEvent>,
    /// Wishes for another proxy.
    pub successors: mpsc::Receiver<Successor>,
}

/// Keeps the links to the proxies of this home until a shutdown was passed on. To be spawned.
pub async fn keep(home: Utf8PathBuf, surroundings: Surroundings) {
    let Surroundings { listeners, orders, certificates, events, mut successors } = surroundings;
    let shared = Shared { listeners, orders, certificates, events };
    let starter = Starter::new(home.clone());
    let mut keep =
        Keep { home, starter, shared, links: JoinSet::new(), linked: BTreeMap::new(), coming: None };
    keep.find().await;
    loop {
        keep.starter.reap();
        if keep.shared.orders.borrow().shutdown.is_some() {
            while let Some(ended) = keep.links.join_next().await {
                drop(ended);
            }
            return;
        }
        let needed = !keep.is_served();
        if needed || keep.coming.is_some() {
            if needed {
                keep.ensure().await;
            }
            sleep(LOOK).await;
            keep.find().await;
            keep.settle_coming();
        }
        let looks = keep.coming.is_some() || !keep.is_served();
        tokio::select! {
            Some(ended) = keep.links.join_next() => {
                let Ok((pid, ended)) = ended else { return };
                if !keep.mend(pid, ended).await {
                    return;
                }
            }
            Some(answer) = successors.recv(), if keep.coming.is_none() => keep.succeed(answer),
            changed = keep.shared.orders.changed() => if changed.is_err() { return },
            () = sleep(LOOK), if looks => {}
        }
    }
}

/// A successor on its way.
struct Coming {
    pid: u32,
    until: Instant,
    answer: Successor,
}

struct Keep {
    home: Utf8PathBuf,
    starter: Starter,
    shared: Shared,
    links: JoinSet<(u32, Result<Ended, FrameError>)>,
    /// Those that are linked, and whether they were retiring when they were found.
    linked: BTreeMap<u32, bool>,
    coming: Option<Coming>,
}

impl Keep {
    /// Whether a proxy is there that accepts connections.
    fn is_served(&self) -> bool {
        let orders = self.shared.orders.borrow();
        self.linked.iter().any(|(pid, retiring)| !retiring && !orders.retire.contains(pid))
    }

    /// Links those that are not linked. All that are found are told of at once: nothing must be decided by what
    /// one says while another, which sends requests as well, is not known.
    async fn find(&mut self) {
        let found = sockets(self.home.as_std_path()).unwrap_or_default();
        let mut greeted = Vec::new();
        for (pid, path) in found {
            if !self.linked.contains_key(&pid) {
                greeted.extend(greet_or_remove(path, &self.shared).await);
            }
        }
        self.link(greeted).await;
    }

    async fn link(&mut self, greeted: Vec<Greeted>) {
        let hellos: Vec<_> = greeted.iter().map(|greeted| greeted.hello).collect();
        if hellos.is_empty() || self.shared.events.send(LinkEvent::Found(hellos)).await.is_err() {
            return;
        }
        for mut greeted in greeted {
            greeted.workers = self.starter.workers_of(greeted.hello.pid);
            let (shared, pid) = (self.shared.clone(), greeted.hello.pid);
            self.linked.insert(pid, greeted.hello.retiring);
            self.links.spawn(async move { (pid, greeted.talk(shared).await) });
        }
    }

    /// A link has ended. It is made again if its proxy is still there. False if nobody listens any more.
    async fn mend(&mut self, pid: u32, ended: Result<Ended, FrameError>) -> bool {
        self.linked.remove(&pid);
        match ended {
            Ok(Ended::ShutDown) => return true,
            Ok(Ended::Closed) => {}
            Ok(Ended::Outgrown) => self.starter.give_up(true),
            Err(error) => tracing::warn!("the link to the proxy {pid} broke: {error}"),
        }
        sleep(LOOK).await;
        let path = gapless_routing::socket::socket(self.home.as_std_path(), pid);
        match greet_or_remove(path, &self.shared).await {
            Some(greeted) => self.link(vec![greeted]).await,
            None => return self.shared.events.send(LinkEvent::Broken { proxy: pid }).await.is_ok(),
        }
        true
    }

    /// Starts a proxy unless one is on its way.
    async fn ensure(&mut self) {
        let retires = |pid| self.shared.orders.borrow().retire.contains(&pid);
        if self.starter.last().is_some_and(retires) {
            self.starter.give_up(false);
        }
        let workers = self.shared.orders.borrow().workers;
        self.starter.ensure(workers).await;
    }

    fn succeed(&mut self, answer: Successor) {
        let workers = self.shared.orders.borrow().workers;
        match self.starter.succeed(workers) {
            Ok(pid) => self.coming = Some(Coming { pid, until: Instant::now() + COMING_UP, answer }),
            // Whoever asked may have gone.
            Err(error) => drop(answer.send(Err(format!("it cannot be started: {error}")))),
        }
    }

    /// Answers who waits for a successor, once it is there or cannot come.
    fn settle_coming(&mut self) {
        let Some(coming) = &self.coming else { return };
        let pid = coming.pid;
        let outcome = if self.linked.contains_key(&pid) {
            Ok(pid)
        } else if let Some(status) = self.starter.ended() {
            Err(format!("it ended at once ({status})"))
        } else if Instant::now() >= coming.until {
            self.starter.give_up(true);
            Err(format!("it did not answer within {COMING_UP:?}"))
        } else {
            return;
        };
        if let Some(coming) = self.coming.take() {
            drop(coming.answer.send(outcome));
        }
    }
}

/// A proxy that is there; a socket that a killed one has left is removed.
async fn greet_or_remove(path: PathBuf, shared: &Shared) -> Option<Greeted> {
    match greet(&path, shared).await {
        Ok(greeted) => Some(greeted),
        Err(FrameError::Io { source, .. }) if source.kind() == ErrorKind::ConnectionRefused => {
            drop(std::fs::remove_file(&path));
            None
        }
        Err(_) => None,
    }
}
