//! The link to the proxy: finds it, starts it if there is none, sends it what to route and passes on what it
//! says. When the link breaks the proxy goes on with what it has.

use crate::listeners::Listeners;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_routing::frame::{Connection, FrameError, Receiver, Sender};
use gapless_routing::{Certificates, Snapshot, ToControl, ToProxy};
use gapless_sys::program;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// How often a proxy that was just started is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// The longest pause between two starts of a proxy that dies at once.
const START_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the link passes on.
#[derive(Debug)]
pub enum LinkEvent {
    /// The proxy said something.
    Said(Box<ToControl>),
    /// The link broke; it is being mended.
    Broken,
}

/// What the link is told.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Route like this. Only the newest counts.
    pub snapshot: Option<Snapshot>,
    /// End: finish what is begun within this time.
    pub shutdown: Option<Duration>,
    /// How many workers a proxy has that is started from now on; none means one per core.
    pub workers: Option<u32>,
}

/// Keeps the link to the proxy of this home until a shutdown was passed on. To be spawned.
pub async fn keep(
    home: Utf8PathBuf,
    listeners: Listeners,
    mut orders: watch::Receiver<Orders>,
    mut certificates: watch::Receiver<Arc<Certificates>>,
    events: mpsc::Sender<LinkEvent>,
) {
    let path = home.join("proxy.sock");
    let mut starter = Starter::new(home);
    loop {
        if let Ok(connection) = Connection::connect(&path).await {
            let ended = talk(connection, &listeners, &starter, &mut orders, &mut certificates, &events).await;
            if let Err(error) = &ended {
                tracing::warn!("the link to the proxy broke: {error}");
            }
            if matches!(ended, Ok(Ended::ShutDown)) || events.send(LinkEvent::Broken).await.is_err() {
                return;
            }
            if matches!(ended, Ok(Ended::Outgrown)) {
                starter.stop();
            }
        }
        let Orders { shutdown: None, workers, .. } = *orders.borrow() else { return };
        starter.ensure(workers).await;
        sleep(LOOK).await;
    }
}

/// Why a conversation ended without an error.
enum Ended {
    /// The proxy closed it.
    Closed,
    /// We told it to end.
    ShutDown,
    /// It has another number of workers than is wanted, and has not begun to serve.
    Outgrown,
}

async fn talk(
    connection: Connection,
    listeners: &Listeners,
    starter: &Starter,
    orders: &mut watch::Receiver<Orders>,
    certificates: &mut watch::Receiver<Arc<Certificates>>,
    events: &mpsc::Sender<LinkEvent>,
) -> Result<Ended, FrameError> {
    let (mut from, mut to): (Receiver<ToControl>, Sender<ToProxy>) = connection.split();
    let mut has: BTreeSet<SocketAddr> = BTreeSet::new();
    let mut greeted = false;
    // What was ordered before this proxy was there is stale: the engine sends anew once it hears Hello.
    orders.mark_unchanged();
    loop {
        tokio::select! {
            said = from.recv() => {
                let Some((message, descriptors)) = said? else { return Ok(Ended::Closed) };
                match &message {
                    ToControl::Hello { listeners: there, .. } => {
                        has = there.iter().copied().collect();
                        greeted = true;
                        // Before any snapshot: a listener that speaks TLS has something to speak it by.
                        certify(&mut to, certificates).await?;
                        if there.iter().any(|a| listeners.get(*a).is_none()) {
                            to.send(&ToProxy::GiveListeners, &[]).await?;
                        }
                    }
                    ToControl::Listeners { addresses } => {
                        for (address, socket) in addresses.iter().zip(descriptors) {
                            listeners.adopt(*address, socket);
                        }
                    }
                    _ => {}
                }
                if events.send(LinkEvent::Said(Box::new(message))).await.is_err() {
                    return Ok(Ended::Closed);
                }
            }
            Ok(()) = certificates.changed() => certify(&mut to, certificates).await?,
            changed = orders.changed() => {
                if changed.is_err() {
                    return Ok(Ended::Closed);
                }
                let Orders { snapshot, shutdown, workers } = orders.borrow_and_update().clone();
                if let Some(within) = shutdown {
                    let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                    to.send(&ToProxy::Shutdown { within }, &[]).await?;
                    while from.recv().await?.is_some() {}
                    return Ok(Ended::ShutDown);
                }
                // Nobody is connected to it yet: the first file has come, or the first with this key.
                if greeted && has.is_empty() && starter.is_outgrown(workers) {
                    return Ok(Ended::Outgrown);
                }
                if let Some(snapshot) = snapshot {
                    if certificates.has_changed().unwrap_or(false) {
                        certify(&mut to, certificates).await?;
                    }
                    apply(&mut to, snapshot, listeners, &mut has).await?;
                }
            }
        }
    }
}

/// Sends the newest certificates, if TLS is spoken at all.
async fn certify(
    to: &mut Sender<ToProxy>,
    certificates: &mut watch::Receiver<Arc<Certificates>>,
) -> Result<(), FrameError> {
    let newest = Arc::clone(&certificates.borrow_and_update());
    if newest.number == 0 {
        return Ok(());
    }
    to.send(&ToProxy::Certificates((*newest).clone()), &[]).await
}

/// Sends a snapshot, with the listening sockets that this proxy does not have.
async fn apply(
    to: &mut Sender<ToProxy>,
    mut snapshot: Snapshot,
    listeners: &Listeners,
    has: &mut BTreeSet<SocketAddr>,
) -> Result<(), FrameError> {
    let mut sockets: Vec<Arc<OwnedFd>> = Vec::new();
    snapshot.listeners.retain_mut(|listener| {
        if !has.contains(&listener.address) {
            let Some(socket) = listeners.get(listener.address) else {
                tracing::error!("no listening socket for {}", listener.address);
                return false;
            };
            listener.descriptor = Some(sockets.len());
            sockets.push(socket);
        }
        true
    });
    *has = snapshot.listeners.iter().map(|l| l.address).collect();
    let descriptors: Vec<_> = sockets.iter().map(|s| s.as_fd()).collect();
    to.send(&ToProxy::Apply(snapshot), &descriptors).await
}

/// Starts proxies, one at a time, less often when they die at once.
struct Starter {
    /// `GAPLESS_HOME`.
    home: Utf8PathBuf,
    last: Option<Started>,
    pause: Duration,
}

/// A proxy that was started.
struct Started {
    child: Child,
    since: Instant,
    workers: Option<u32>,
}

impl Starter {
    const fn new(home: Utf8PathBuf) -> Self {
        Self { home, last: None, pause: Duration::ZERO }
    }

    /// Starts one unless the last one still runs.
    async fn ensure(&mut self, workers: Option<u32>) {
        if let Some(Started { child, since, .. }) = &mut self.last {
            match child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) => {
                    let ran = since.elapsed();
                    tracing::error!("the proxy (pid {}) ended: {status}; starting another", child.id());
                    self.pause = if ran > START_PAUSE_MAX {
                        Duration::ZERO
                    } else {
                        (self.pause * 2).clamp(LOOK, START_PAUSE_MAX)
                    };
                }
                Err(error) => tracing::error!("cannot ask for the proxy: {error}"),
            }
            self.last = None;
        }
        sleep(self.pause).await;
        match start(&self.home, workers) {
            Ok(child) => self.last = Some(Started { child, since: Instant::now(), workers }),
            Err(error) => {
                self.pause = (self.pause * 2).clamp(LOOK, START_PAUSE_MAX);
                tracing::error!("cannot start the proxy: {error}");
            }
        }
    }

    /// Whether the last one was started with another number of workers. Of one that somebody else has started
    /// nothing is known.
    fn is_outgrown(&self, workers: Option<u32>) -> bool {
        self.last.as_ref().is_some_and(|last| last.workers != workers)
    }

    /// Ends the last one at once.
    fn stop(&mut self) {
        if let Some(Started { mut child, .. }) = self.last.take()
            && let Err(error) = child.kill().and_then(|()| child.wait())
        {
            tracing::error!("cannot stop the proxy (pid {}): {error}", child.id());
        }
    }
}

fn start(home: &Utf8Path, workers: Option<u32>) -> std::io::Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join("logs/proxy.log"))?;
    let named = std::env::current_exe()?;
    let mut process = Command::new(program::again(named.as_os_str()));
    process.args(["internal", "proxy", "--home", home.as_str()]);
    if let Some(workers) = workers {
        process.args(["--workers", &workers.to_string()]);
    }
    process.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    process.env_remove("NOTIFY_SOCKET").spawn()
}
