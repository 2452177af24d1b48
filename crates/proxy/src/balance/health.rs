//! Passive health: an instance that fails again and again gets no requests for a while, as long as others do.
//!
//! Each worker judges by what it sees itself. That is at once, and costs nothing where nothing fails; control's
//! probes judge beside it, and more slowly.

use gapless_routing::Ejected;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Connections in a row that could not be made until an instance is ejected.
const UNREACHED: u32 = 3;

/// How long an instance is ejected for the first time, and how much longer each time after.
const STEP: Duration = Duration::from_secs(5);

/// The longest time.
const LONGEST: Duration = Duration::from_secs(60);

/// What one worker has seen of an instance's failures.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Connections in a row that could not be made.
    unreached: Cell<u32>,
    /// Requests in a row that were answered with 5xx, or not at all.
    unwell: Cell<u32>,
    /// When the last ejection ends, and how long it is; kept until it says nothing about the next any more.
    /// One failure after its end is the next.
    ejection: Cell<Option<(Instant, Duration)>>,
    why: RefCell<String>,
    /// Ejections that were not reported yet.
    ejections: Cell<u32>,
}

impl Health {
    /// It has answered well.
    #[inline]
    pub(crate) fn is_well(&self) {
        if self.unreached.get() | self.unwell.get() != 0 {
            self.unreached.set(0);
            self.unwell.set(0);
        }
    }

    /// A connection could not be made. Whether that was one too many.
    pub(crate) fn is_unreached(&self) -> bool {
        self.unreached.set(self.unreached.get().saturating_add(1));
        self.unreached.get() >= UNREACHED
    }

    /// A request was answered with 5xx, or not at all. Whether that was one too many.
    pub(crate) fn is_unwell(&self, limit: u32) -> bool {
        // It could be reached.
        self.unreached.set(0);
        self.unwell.set(self.unwell.get().saturating_add(1));
        self.unwell.get() >= limit
    }

    /// Ejects it: longer than the last time, unless it has done well since for as long as that was. Returns for
    /// how long.
    pub(crate) fn eject(&self, why: String, now: Instant) -> Duration {
        let length = match self.ejection.get() {
            Some((until, last)) if !is_history(until, last, now) => (last + STEP).min(LONGEST),
            _ => STEP,
        };
        self.ejection.set(Some((now + length, length)));
        self.why.replace(why);
        self.ejections.set(self.ejections.get() + 1);
        length
    }

    /// Whether it is ejected. The clock is only looked at if it has been a while ago.
    #[inline]
    pub(crate) fn is_ejected(&self, now: impl FnOnce() -> Instant) -> bool {
        let Some((until, last)) = self.ejection.get() else { return false };
        let now = now();
        if is_history(until, last, now) {
            self.ejection.set(None);
        }
        now < until
    }

    /// When its ejection ends, if it is ejected.
    pub(crate) fn ends(&self, now: Instant) -> Option<Instant> {
        self.ejection.get().map(|(until, _)| until).filter(|until| now < *until)
    }

    /// Its ejection ends now, not later.
    pub(crate) fn reinstate(&self, now: Instant) {
        self.ejection.set(self.ejection.get().map(|(until, length)| (until.min(now), length)));
    }

    /// Another process is behind it now.
    pub(crate) fn forget(&self) {
        self.unreached.set(0);
        self.unwell.set(0);
        self.ejection.set(None);
    }

    /// Ejections since this was last called, and the one that lasts.
    pub(crate) fn take(&self, now: Instant) -> (u64, Option<Ejected>) {
        let lasting = self.ejection.get().filter(|(until, _)| now < *until).map(|(until, _)| Ejected {
            why: self.why.borrow().clone(),
            left_ms: u64::try_from((until - now).as_millis()).unwrap_or(u64::MAX),
            workers: 1,
        });
        (u64::from(self.ejections.take()), lasting)
    }
}

/// Whether an ejection of this length was over for as long again.
fn is_history(until: Instant, length: Duration, now: Instant) -> bool {
    now.saturating_duration_since(until) >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_several_failures_in_a_row() {
        let health = Health::default();
        assert!(!health.is_unreached() && !health.is_unreached());
        health.is_well();
        assert!(!health.is_unreached() && !health.is_unreached() && health.is_unreached());
        assert!(!health.is_unwell(2));
        assert!(!health.is_unreached(), "an answer shows that it can be reached");
        assert!(health.is_unwell(2));
    }

    #[test]
    fn each_ejection_is_longer_until_it_has_done_well_for_as_long() {
        let health = Health::default();
        let mut now = Instant::now();
        for seconds in [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60] {
            let length = health.eject("x".into(), now);
            assert_eq!(length.as_secs(), seconds);
            let (count, lasting) = health.take(now);
            assert_eq!((count, lasting.map(|e| e.left_ms)), (1, Some(seconds * 1000)));
            now += length + Duration::from_secs(1);
            assert_eq!(health.take(now), (0, None));
        }
        now += Duration::from_secs(60);
        assert_eq!(health.eject("x".into(), now).as_secs(), 5);
        assert!(health.is_ejected(|| now));
        health.reinstate(now);
        assert!(!health.is_ejected(|| now));
        assert_eq!(health.eject("x".into(), now).as_secs(), 10);
        health.forget();
        assert!(!health.is_ejected(|| now));
        assert_eq!(health.eject("x".into(), now).as_secs(), 5);
    }
}
