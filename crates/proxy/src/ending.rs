//! How the process comes to its end.
//!
//! A client that keeps its connection may send its next request at any moment, and one that meets a close is
//! lost: the client cannot know whether it was read. So a proxy that another one follows never closes a
//! connection on its own account. It accepts no more (its successor accepts from the same queue, in which
//! nothing is lost), says with the next answer on each connection that it is the last (`Connection: close`,
//! RFC 9112 section 9.6; GOAWAY, RFC 9113 section 6.8), and leaves connections without a request to the same
//! patience as ever: they are closed when nothing has come for longer than clients keep them. Answers that take
//! long are finished, upgraded connections end as their apps' policies say. It exits when the last client has
//! gone.
//!
//! A proxy that nobody follows cannot wait like that: it ends when nothing is begun, or its time is up.

use crate::websocket::Finish;
use gapless_model::Moment;
use gapless_model::app::DrainSpec;
use std::time::Duration;
use tokio::time::Instant;

/// Looks in a row that must find nothing begun before a proxy ends that nobody follows.
const QUIET: u32 = 4;

/// Looks in a row that must find no connection before one ends that has a successor. A connection on its way
/// from one worker to another is counted by neither.
const EMPTY: u32 = 2;

/// What is left for upgraded connections to be cut before the process ends.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How the process stands.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It accepts connections.
    Serving,
    /// Another one does, and it goes when its clients have gone.
    Retiring {
        since: Moment,
        /// When it does not wait for them any longer.
        deadline: Instant,
        empty: u32,
    },
    /// It finishes what is begun.
    Closing {
        since: Moment,
        deadline: Instant,
        /// When upgraded connections end: before the process does.
        upgraded_end: Moment,
        quiet: u32,
    },
}

/// The same, as workers see it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// Another proxy accepts in its place.
    Retiring { since: Moment },
    /// Nobody does.
    Closing { since: Moment, upgraded_end: Moment },
}

impl Ending {
    /// When upgraded connections of an app end by it.
    pub(crate) fn finish(self, drain: &DrainSpec) -> Finish {
        match self {
            Self::Retiring { since } => Finish::with_successor(drain, since),
            Self::Closing { since, upgraded_end } => Finish::with_proxy(drain, since, upgraded_end),
        }
    }
}

impl Standing {
    /// What workers are to know of it.
    pub(crate) const fn ending(&self) -> Option<Ending> {
        match *self {
            Self::Serving => None,
            Self::Retiring { since, .. } => Some(Ending::Retiring { since }),
            Self::Closing { since, upgraded_end, .. } => Some(Ending::Closing { since, upgraded_end }),
        }
    }

    /// Whether it retires.
    pub(crate) const fn is_retiring(&self) -> bool {
        matches!(self, Self::Retiring { .. })
    }

    /// Whether it ends without a successor.
    pub(crate) const fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. })
    }

    /// Retires, within this time from now. One that ends already goes on with that.
    pub(crate) fn retire(&mut self, now: Moment, within: Duration) {
        if let Self::Serving = self {
            *self = Self::Retiring { since: now, deadline: Instant::now() + within, empty: 0 };
        }
    }

    /// Ends within this time from now, or sooner if that was said before.
    pub(crate) fn close(&mut self, now: Moment, within: Duration) {
        let (at, end) = (Instant::now() + within, now + within.saturating_sub(LAST_WORDS));
        match self {
            Self::Closing { deadline, upgraded_end, .. } => {
                *deadline = at.min(*deadline);
                *upgraded_end = end.min(*upgraded_end);
            }
            Self::Serving | Self::Retiring { .. } => {
                *self = Self::Closing { since: now, deadline: at, upgraded_end: end, quiet: 0 };
            }
        }
    }

    /// Takes note of a look at all workers: how many connections are open, and how many of those are in the
    /// middle of something.
    pub(crate) fn look(&mut self, open: u64, active: u32) {
        let count = |looks: &mut u32, nothing: bool| *looks = if nothing { *looks + 1 } else { 0 };
        match self {
            Self::Serving => {}
            Self::Retiring { empty, .. } => count(empty, open == 0),
            Self::Closing { quiet, .. } => count(quiet, active == 0),
        }
    }

    /// Whether its clients were waited for long enough.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self, Self::Retiring { deadline, .. } if Instant::now() >= *deadline)
    }

    /// Whether the process may end. `settled`: every worker knows how it stands.
    pub(crate) fn is_done(&self, settled: bool) -> bool {
        match *self {
            Self::Serving => false,
            Self::Retiring { empty, .. } => settled && empty >= EMPTY,
            Self::Closing { quiet, deadline, .. } => {
                (settled && quiet >= QUIET) || Instant::now() >= deadline
            }
        }
    }
}
