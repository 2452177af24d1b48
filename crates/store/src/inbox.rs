//! Between the callers and the writer.

use crate::change::Change;
use crate::error::{CommitError, ReadError};
use crate::pending::Pending;
use camino::Utf8PathBuf;
use gapless_model::event::Event;
use gapless_model::{AppName, Receipt};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::oneshot;

/// So many callers may wait for their commits at once; more are told that the disk does not answer.
const WAITING: usize = 4096;

pub(crate) type CommitReply = oneshot::Sender<Result<(), CommitError>>;
pub(crate) type ReadReply<T> = oneshot::Sender<Result<Vec<T>, ReadError>>;

/// A commit under way: resolves when the changes are written, or could not be.
///
/// Dropping it does not take the changes back.
#[derive(Debug)]
#[must_use = "a change counts only once it is written"]
pub struct Commit(pub(crate) oneshot::Receiver<Result<(), CommitError>>);

impl Commit {
    /// Blocks the calling thread until then. Panics within a tokio runtime; there, await it.
    pub fn wait(self) -> Result<(), CommitError> {
        self.0.blocking_recv().unwrap_or(Err(CommitError::Closed))
    }
}

impl Future for Commit {
    type Output = Result<(), CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|reply| reply.unwrap_or(Err(CommitError::Closed)))
    }
}

/// A question to the history.
#[derive(Debug)]
pub(crate) enum Ask {
    Events {
        app: Option<AppName>,
        limit: usize,
        reply: ReadReply<Event>,
    },
    Receipts {
        app: Option<AppName>,
        limit: usize,
        reply: ReadReply<Receipt>,
    },
    /// Writes all that is in the database to another file, which is there and empty.
    Copy {
        to: Utf8PathBuf,
        reply: ReadReply<()>,
    },
    /// Lets the database have at most this many pages: a disk that is full at will.
    #[cfg(test)]
    LimitPages(u32),
    /// Lets nothing be written, or something again.
    #[cfg(test)]
    ReadOnly(bool),
}

/// What has gathered for the writer.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) changes: Pending,
    pub(crate) replies: Vec<CommitReply>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) closing: bool,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.replies.is_empty() && self.asks.is_empty() && !self.closing
    }
}

/// Shared by the callers and the writer. The lock is only ever held for a moment, never over I/O.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    gathered: Mutex<Gathered>,
    arrived: Condvar,
    trouble: Mutex<Option<String>>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds changes. False if too many wait already: the changes are in, the reply is not.
    pub(crate) fn commit(&self, changes: Vec<Change>, reply: CommitReply) -> bool {
        let mut gathered = self.lock();
        for change in changes {
            gathered.changes.add(change);
        }
        if gathered.replies.len() >= WAITING {
            gathered.replies.retain(|reply| !reply.is_closed());
        }
        let told = gathered.replies.len() < WAITING;
        if told {
            gathered.replies.push(reply);
        }
        self.arrived.notify_one();
        told
    }

    /// Adds a question.
    pub(crate) fn ask(&self, ask: Ask) {
        self.lock().asks.push(ask);
        self.arrived.notify_one();
    }

    /// Asks the writer to end once all is written.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    /// Takes all that has gathered; waits for something, or until `deadline`.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Gathered {
        let mut gathered = self.lock();
        while gathered.is_empty() {
            let Some(deadline) = deadline else {
                gathered = self.arrived.wait(gathered).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            gathered = self.arrived.wait_timeout(gathered, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut *gathered)
    }

    /// What is wrong right now.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
