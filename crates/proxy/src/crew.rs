//! The workers among each other: how many connections each has, and handing them over.
//!
//! Who is awake first accepts first, so a burst of connections may all end with one worker, and stay there
//! as long as they are kept alive. Whoever has too many hands them over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A worker keeps what it accepts until it has this many connections more than another.
const SLACK: u32 = 2;

/// Connections on their way to another worker at most.
const QUEUE: usize = 1024;

/// A connection that one worker has accepted for another.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: SocketAddr,
}

/// All workers, as one of them sees them.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    me: usize,
    open: Arc<[AtomicU32]>,
    queues: Arc<[mpsc::Sender<Handed>]>,
}

/// Counts one connection of a worker.
#[derive(Debug)]
pub(crate) struct Open {
    open: Arc<[AtomicU32]>,
    of: usize,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open[self.of].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crew {
    /// So many workers, each with what is handed to it.
    pub(crate) fn muster(workers: usize) -> Vec<(Self, mpsc::Receiver<Handed>)> {
        let open: Arc<[AtomicU32]> = (0..workers).map(|_| AtomicU32::new(0)).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(QUEUE)).unzip();
        let queues: Arc<[_]> = senders.into();
        let crew = |me| Self { me, open: Arc::clone(&open), queues: Arc::clone(&queues) };
        receivers.into_iter().enumerate().map(|(me, receiver)| (crew(me), receiver)).collect()
    }

    /// Which worker this is.
    pub(crate) const fn me(&self) -> usize {
        self.me
    }

    /// Connections of this worker that are open.
    pub(crate) fn count(&self) -> u32 {
        self.open[self.me].load(Ordering::Relaxed)
    }

    /// Counts a connection of this worker.
    pub(crate) fn open(&self) -> Open {
        self.open[self.me].fetch_add(1, Ordering::Relaxed);
        Open { open: Arc::clone(&self.open), of: self.me }
    }

    /// Gives a connection to the worker that has the fewest, if it has fewer by far. Returns it if not.
    pub(crate) fn hand_over(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        listener: SocketAddr,
    ) -> Option<TcpStream> {
        let count = |worker: usize| self.open[worker].load(Ordering::Relaxed);
        let Some(idlest) = (0..self.open.len()).min_by_key(|worker| count(*worker)) else {
            return Some(stream);
        };
        if count(idlest) + SLACK > count(self.me) {
            return Some(stream);
        }
        let place = match self.queues[idlest].try_reserve() {
            Ok(place) => place,
            Err(_) => return Some(stream),
        };
        match stream.into_std() {
            Ok(stream) => place.send(Handed { stream, peer, listener }),
            Err(error) => tracing::error!(%error, "a connection was lost on its way to another worker"),
        }
        None
    }
}
