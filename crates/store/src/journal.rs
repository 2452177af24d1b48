//! The journal as control holds it.

use crate::change::Change;
use crate::database::{self, Fault};
use crate::error::{CommitError, OpenError, ReadError};
use crate::inbox::{Ask, Commit, Inbox, ReadReply};
use crate::state::State;
use crate::writer::Writer;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::event::Event;
use gapless_model::{AppName, Receipt};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// SQLite's parser is the deepest that the writer goes; only touched pages count.
const STACK: usize = 512 * 1024;

/// The journal, open. Dropping it closes it: all that was committed is written, in the background.
#[derive(Debug)]
pub struct Journal {
    pub(crate) inbox: Arc<Inbox>,
    path: Utf8PathBuf,
    writer: Option<JoinHandle<()>>,
}

/// What an opened journal knew.
#[derive(Debug)]
pub struct Recovered {
    /// What all changes committed before add up to.
    pub state: State,
    /// The former database, if it could not be read and `state` is therefore empty.
    pub set_aside: Option<SetAside>,
}

/// A database that was kept under another name because it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: Utf8PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// Reads a copy of a journal as [`Journal::open`] would have read the journal itself, its schema brought up to date;
/// closes it again, and sets nothing aside. Blocks for the disk.
///
/// # Errors
/// It cannot be read, or is from a newer version.
pub fn read_copy(path: &Utf8Path) -> Result<State, OpenError> {
    match database::open(path) {
        Ok((_, state)) => Ok(state),
        Err(Fault::Refused(error)) => Err(error),
        Err(Fault::Unreadable(why)) => Err(OpenError::System { what: "read", path: path.to_owned(), why }),
    }
}

impl Journal {
    /// Opens the journal at `path`, or begins one there. Blocks: for the disk, and for up to two seconds
    /// while another process has it open.
    ///
    /// A database that is damaged or makes no sense is renamed to `PATH.unreadable-<ms since 1970>` and a new
    /// one begun. Fails on one from a newer version, and where the system does not let us read or write.
    pub fn open(path: &Utf8Path) -> Result<(Self, Recovered), OpenError> {
        let mut set_aside = None;
        let (connection, state) = match database::open(path) {
            Ok(opened) => opened,
            Err(Fault::Refused(error)) => return Err(error),
            Err(Fault::Unreadable(reason)) => {
                set_aside = Some(SetAside { path: database::set_aside(path)?, reason });
                database::open(path).map_err(|fault| match fault {
                    Fault::Refused(error) => error,
                    Fault::Unreadable(why) => OpenError::System { what: "begin", path: path.to_owned(), why },
                })?
            }
        };
        let inbox = Arc::new(Inbox::default());
        let writer = Writer::new(connection, Arc::clone(&inbox), path.to_owned());
        let thread = std::thread::Builder::new().name("journal".into()).stack_size(STACK);
        let handle = thread.spawn(move || writer.run()).map_err(|error| OpenError::System {
            what: "start the writer of",
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        let journal = Self { inbox, path: path.to_owned(), writer: Some(handle) };
        Ok((journal, Recovered { state, set_aside }))
    }

    /// Hands changes over to be written, all of them or none. Never blocks.
    ///
    /// Commits are written in their order; those that gather while the disk is busy go in one transaction.
    /// An error means: not on disk yet. The changes are tried again by themselves, before any later ones.
    pub fn commit(&self, changes: Vec<Change>) -> Commit {
        let (reply, receiver) = oneshot::channel();
        if self.inbox.commit(changes, reply) {
            return Commit(receiver);
        }
        let (reply, receiver) = oneshot::channel();
        // Cannot fail, the receiver is here.
        let _ = reply.send(Err(CommitError::Stuck { path: self.path.clone() }));
        Commit(receiver)
    }

    /// What is wrong with it right now, for `status`: the last transaction failed and is tried again.
    pub fn trouble(&self) -> Option<String> {
        self.inbox.trouble()
    }

    /// The newest events first, at most `limit` (10,000 are kept); of one app, or of all.
    pub fn history(&self, app: Option<AppName>, limit: usize) -> Answer<Event> {
        self.ask(|reply| Ask::Events { app, limit, reply })
    }

    /// The receipts of ended rollouts, the newest first, at most `limit` (100 per app are kept).
    pub fn receipts(&self, app: Option<AppName>, limit: usize) -> Answer<Receipt> {
        self.ask(|reply| Ask::Receipts { app, limit, reply })
    }

    /// Writes a copy of all that is on disk to `to`, a file of its own (mode 0600) that takes the place of whatever is
    /// there.
    ///
    /// # Errors
    /// There is no room for it, or it may not be written.
    pub async fn copy(&self, to: &Utf8Path) -> Result<(), ReadError> {
        let failed = |error: std::io::Error| ReadError::Query { path: to.to_owned(), why: error.to_string() };
        if let Err(error) = std::fs::remove_file(to)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(failed(error));
        }
        // SQLite would make it readable for all; it takes a file that is empty as well.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        drop(file.map_err(failed)?);
        self.ask(|reply| Ask::Copy { to: to.to_owned(), reply }).await.map(drop)
    }

    fn ask<T>(&self, ask: impl FnOnce(ReadReply<T>) -> Ask) -> Answer<T> {
        let (reply, receiver) = oneshot::channel();
        self.inbox.ask(ask(reply));
        Answer(receiver)
    }

    /// Writes all that was committed and closes the database. Blocks as long as the disk does.
    pub fn close(mut self) {
        self.inbox.close();
        if let Some(writer) = self.writer.take() {
            // It does not panic; if it did, there is nothing left to close.
            let _ = writer.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

/// An answer under way.
#[derive(Debug)]
pub struct Answer<T>(oneshot::Receiver<Result<Vec<T>, ReadError>>);

impl<T> Answer<T> {
    /// Blocks the calling thread until it is there. Panics within a tokio runtime; there, await it.
    pub fn wait(self) -> Result<Vec<T>, ReadError> {
        self.0.blocking_recv().unwrap_or(Err(ReadError::Closed))
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<Vec<T>, ReadError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|reply| reply.unwrap_or(Err(ReadError::Closed)))
    }
}
