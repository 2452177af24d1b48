//! Idle connections to one instance, the most recently used first.
//!
//! An instance closes idle connections when it likes (Node after 5 seconds), and may do so just when a
//! request is on its way. So they are kept for less than that, and requests that must not be sent twice
//! only use one that was busy a moment ago and shows no sign of its end.

use crate::upstream::Upstream;
use std::cell::RefCell;
use std::task::Context;
use std::time::{Duration, Instant};

/// How long a connection is kept if the instance does not say how long it will keep it.
pub(crate) const IDLE: Duration = Duration::from_secs(4);

/// The longest that any is kept.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Taken off what the instance says (`Keep-Alive: timeout=N`), so that we close first.
const MARGIN: Duration = Duration::from_secs(1);

/// A request that must not be sent twice only uses a connection idle for less than this.
const FRESH: Duration = Duration::from_millis(500);

/// Connections kept at most, by worker and instance.
const KEEP: usize = 256;

/// How sure the connection must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The request can be sent again if the connection turns out to be closed.
    Any,
    /// It cannot.
    Sure,
}

struct Idle {
    upstream: Box<Upstream>,
    since: Instant,
    limit: Duration,
}

/// The idle connections.
#[derive(Default)]
pub(crate) struct Pool(RefCell<Vec<Idle>>);

impl Pool {
    /// A connection that can take a request now, as far as can be seen.
    pub(crate) fn take(&self, need: Need, now: Instant, cx: &mut Context<'_>) -> Option<Box<Upstream>> {
        loop {
            let Idle { mut upstream, since, limit } = self.0.borrow_mut().pop()?;
            let age = now.saturating_duration_since(since);
            let young = match need {
                Need::Any => age < limit,
                // Those below in the stack are older still: leave them to others.
                Need::Sure if age >= FRESH => {
                    self.0.borrow_mut().push(Idle { upstream, since, limit });
                    return None;
                }
                Need::Sure => age < limit && !upstream.has_ended_quietly(),
            };
            if young && upstream.is_idle(cx) {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection whose answer was read to the end.
    pub(crate) fn put(&self, upstream: Box<Upstream>, limit: Duration, now: Instant) {
        let mut idle = self.0.borrow_mut();
        if idle.len() < KEEP && !limit.is_zero() {
            idle.push(Idle { upstream, since: now, limit });
        }
    }

    /// Closes those that were idle for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut idle = self.0.borrow_mut();
        if idle.iter().any(|one| now.saturating_duration_since(one.since) >= one.limit) {
            idle.retain(|one| now.saturating_duration_since(one.since) < one.limit);
        }
    }

    /// Closes all.
    pub(crate) fn clear(&self) {
        // Not while borrowed: closing runs code of others.
        drop(self.0.take());
    }
}

/// How long a connection may be idle after an answer with this `Keep-Alive` header
/// (RFC 2068 section 19.7.1.1, as Node and others still send it).
pub(crate) fn idle_limit(keep_alive: &str) -> Duration {
    keep_alive
        .split(',')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
        .map_or(IDLE, |seconds| Duration::from_secs(seconds).saturating_sub(MARGIN).min(IDLE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_says_how_long() {
        let seconds = |text| idle_limit(text).as_secs();
        assert_eq!(seconds("timeout=5"), 4);
        assert_eq!(seconds("max=100, Timeout = 3"), 2);
        assert_eq!(seconds("timeout=1"), 0);
        assert_eq!(seconds("timeout=0"), 0);
        assert_eq!(seconds("timeout=9999999"), 60);
        assert_eq!(seconds("max=5"), 4);
        assert_eq!(seconds("timeout=x"), 4);
    }
}
