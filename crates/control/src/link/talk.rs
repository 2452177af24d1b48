//! The conversation with one proxy.

use super::LinkEvent;
use super::{Orders, Shared};
use crate::listeners::Listeners;
use gapless_model::{Generation, Moment};
use gapless_routing::frame::{Connection, FrameError, Receiver, Sender};
use gapless_routing::{Certificates, Snapshot, ToControl, ToProxy};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a proxy may take to say who it is. One that is stopped is not waited for.
const GREETING: Duration = Duration::from_secs(2);

/// The longest that a proxy waits for its clients once another one follows.
const LAST_CLIENTS: Duration = Duration::from_secs(12 * 60 * 60);

/// How soon a listening socket is tried again that could not be had: an interface may be late at boot.
const AGAIN: Duration = Duration::from_secs(1);

/// What a proxy says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Its process.
    pub pid: u32,
    /// What every worker of it has.
    pub generation: Generation,
    /// When it began.
    pub since: Moment,
    /// It was told to retire.
    pub retiring: bool,
}

/// A proxy that has said who it is.
pub(super) struct Greeted {
    pub(super) hello: Hello,
    from: Receiver<ToControl>,
    to: Sender<ToProxy>,
    has: BTreeSet<SocketAddr>,
    orders: watch::Receiver<Orders>,
    /// The number of workers that we have started it with; none if somebody else has.
    pub(super) workers: Option<Option<u32>>,
}

/// Why a conversation ended without an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The proxy closed it.
    Closed,
    /// We told it to end.
    ShutDown,
    /// It has another number of workers than is wanted, and has not begun to serve.
    Outgrown,
}

/// Connects to the proxy whose socket this is, and hears who it is.
pub(super) async fn greet(path: &Path, shared: &Shared) -> Result<Greeted, FrameError> {
    let connection = Connection::connect(path).await;
    let connection = connection.map_err(|source| FrameError::Io { what: "connect", source })?;
    let (mut from, to): (Receiver<ToControl>, Sender<ToProxy>) = connection.split();
    let said = timeout(GREETING, from.recv()).await.unwrap_or(Ok(None))?;
    let Some((ToControl::Hello { pid, generation, listeners, since, retiring, .. }, _)) = said else {
        return Err(FrameError::Cut);
    };
    let mut orders = shared.orders.clone();
    // What was ordered before this proxy was there is stale: the engine sends anew once it hears of it.
    orders.mark_unchanged();
    let has = listeners.into_iter().collect();
    Ok(Greeted { hello: Hello { pid, generation, since, retiring }, from, to, has, orders, workers: None })
}

impl Greeted {
    /// Tells it what is ordered and passes on what it says, until one of us ends it.
    pub(super) async fn talk(self, shared: Shared) -> Result<Ended, FrameError> {
        let Self { hello: Hello { pid, mut retiring, .. }, mut from, mut to, mut has, mut orders, .. } = self;
        let Shared { listeners, mut certificates, events, .. } = shared;
        let mut sent = Generation::default();
        // What could not be sent as a whole, and when to try again.
        let mut again: Option<(Snapshot, Instant)> = None;
        // Before any snapshot: a listener that speaks TLS has something to speak it by.
        certify(&mut to, &mut certificates).await?;
        if has.iter().any(|a| listeners.get(*a).is_none()) {
            to.send(&ToProxy::GiveListeners, &[]).await?;
        }
        loop {
            tokio::select! {
                said = from.recv() => {
                    let Some((message, descriptors)) = said? else { return Ok(Ended::Closed) };
                    if let ToControl::Listeners { addresses } = &message {
                        for (address, socket) in addresses.iter().zip(descriptors) {
                            if !listeners.adopt(*address, socket) && has.remove(address) && !retiring {
                                again = orders.borrow().snapshot.clone().map(|whole| (whole, Instant::now()));
                            }
                        }
                    }
                    let event = LinkEvent::Said { proxy: pid, message: Box::new(message) };
                    if events.send(event).await.is_err() {
                        return Ok(Ended::Closed);
                    }
                }
                () = sleep_until(again.as_ref().map_or_else(Instant::now, |(_, at)| *at)), if again.is_some() => {
                    if let Some((snapshot, _)) = again.take() {
                        again = apply(&mut to, snapshot, &listeners, &mut has).await?;
                    }
                }
                Ok(()) = certificates.changed() => certify(&mut to, &mut certificates).await?,
                changed = orders.changed() => {
                    if changed.is_err() {
                        return Ok(Ended::Closed);
                    }
                    let Orders { snapshot, shutdown, workers, retire } = orders.borrow_and_update().clone();
                    if let Some(within) = shutdown {
                        to.send(&ToProxy::Shutdown { within: millis(within) }, &[]).await?;
                        while from.recv().await?.is_some() {}
                        return Ok(Ended::ShutDown);
                    }
                    // Nobody is connected to it yet: the first file has come, or the first with this key.
                    if has.is_empty() && !retiring && self.workers.is_some_and(|started| started != workers) {
                        return Ok(Ended::Outgrown);
                    }
                    if !retiring && retire.contains(&pid) {
                        retiring = true;
                        to.send(&ToProxy::Retire { within: millis(LAST_CLIENTS) }, &[]).await?;
                    }
                    if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.generation > sent) {
                        sent = snapshot.generation;
                        if certificates.has_changed().unwrap_or(false) {
                            certify(&mut to, &mut certificates).await?;
                        }
                        if retiring {
                            to.send(&ToProxy::Apply(snapshot), &[]).await?;
                        } else {
                            again = apply(&mut to, snapshot, &listeners, &mut has).await?;
                        }
                    }
                }
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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

/// Sends a snapshot, with the listening sockets that this proxy does not have. Those that nobody has, as after a boot,
/// are made. If one cannot be, all others are served, and what to try again later is returned.
async fn apply(
    to: &mut Sender<ToProxy>,
    mut snapshot: Snapshot,
    listeners: &Listeners,
    has: &mut BTreeSet<SocketAddr>,
) -> Result<Option<(Snapshot, Instant)>, FrameError> {
    let whole = snapshot.clone();
    let mut sockets: Vec<Arc<OwnedFd>> = Vec::new();
    snapshot.listeners.retain_mut(|listener| {
        if !has.contains(&listener.address) {
            let Some(socket) = listeners.get_or_bind(listener.address) else { return false };
            listener.descriptor = Some(sockets.len());
            sockets.push(socket);
        }
        true
    });
    *has = snapshot.listeners.iter().map(|l| l.address).collect();
    let descriptors: Vec<_> = sockets.iter().map(|s| s.as_fd()).collect();
    let missing = snapshot.listeners.len() < whole.listeners.len();
    to.send(&ToProxy::Apply(snapshot), &descriptors).await?;
    Ok(missing.then(|| (whole, Instant::now() + AGAIN)))
}
