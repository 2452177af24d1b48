//! What the requests of one connection of HTTP/2 have in common.

use crate::client::Client;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A request that its client takes back this soon after it was sent was not meant to be answered …
const AT_ONCE: Duration = Duration::from_millis(500);

/// … and of a client that does so with this many between two looks, and with most of what it sends, it is
/// enough: it is asked to connect again.
const TAKEN_BACK: u32 = 500;

/// A client's connection with all its requests.
pub(crate) struct Session {
    pub(crate) client: Rc<Client>,
    /// Requests in progress.
    open: Cell<u32>,
    begun: Cell<u32>,
    taken_back: Cell<u32>,
    /// Requests whose bodies take up room here, as nobody asks for more of them.
    held_back: Cell<u32>,
    /// It is counted as busy until it is closed, whatever goes on.
    leaving: Cell<bool>,
}

/// A request's body that takes up room, for as long as this is there.
pub(crate) struct HeldBack(Rc<Session>);

impl HeldBack {
    /// A body of this connection.
    pub(crate) fn new(session: Rc<Session>) -> Self {
        session.held_back.set(session.held_back.get() + 1);
        Self(session)
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.0.held_back.set(self.0.held_back.get() - 1);
    }
}

/// What a client makes of the right to take requests back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Conduct {
    /// As anybody would.
    Fair,
    /// It has us work for nothing (CVE-2023-44487).
    Wasteful,
    /// It goes on after having been asked to leave.
    Hostile,
}

impl Session {
    /// A connection without a request.
    pub(crate) fn new(client: Rc<Client>) -> Self {
        Self {
            client,
            open: Cell::new(0),
            begun: Cell::new(0),
            taken_back: Cell::new(0),
            held_back: Cell::new(0),
            leaving: Cell::new(false),
        }
    }

    /// A request was read.
    pub(crate) fn begin(&self) {
        self.open.set(self.open.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.client.begin();
    }

    /// A request is done. `taken_back`: by the client, after this time.
    pub(crate) fn end(&self, taken_back: Option<Duration>) {
        self.open.set(self.open.get() - 1);
        if taken_back.is_some_and(|after| after < AT_ONCE) {
            self.taken_back.set(self.taken_back.get() + 1);
        }
        if !self.leaving.get() && self.open.get() == 0 {
            self.client.end();
        }
    }

    /// It takes no more requests, and is busy until all is written and it is closed.
    pub(crate) fn leave(&self) {
        self.leaving.set(true);
        self.client.begin();
    }

    /// Whether no body takes up the room that all bodies of the connection share: then what does not come is
    /// not sent.
    pub(crate) fn has_room(&self) -> bool {
        self.held_back.get() == 0
    }

    /// No request is in progress: whatever is left is not waited for.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.get() == 0
    }

    /// What the client did since the last look.
    pub(crate) fn conduct(&self) -> Conduct {
        let taken_back = self.taken_back.get();
        if taken_back < TAKEN_BACK || taken_back < self.begun.get() / 2 {
            Conduct::Fair
        } else if taken_back < 2 * TAKEN_BACK {
            Conduct::Wasteful
        } else {
            Conduct::Hostile
        }
    }

    /// Looks anew.
    pub(crate) fn look(&self) {
        self.begun.set(self.open.get());
        self.taken_back.set(0);
    }
}
