//! When the upgraded connections of an instance end. Pure: time is an argument.

use gapless_model::Moment;
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::Retiring;
use std::time::Duration;

/// The end of all upgraded connections of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finish {
    /// The first WebSocket is closed …
    from: Moment,
    /// … and the last: each at a moment of its own, so that not all clients come back at once.
    until: Moment,
    /// Whatever is still open is cut, and what is no WebSocket, which nobody knows how to close.
    pub(crate) end: Moment,
}

impl Finish {
    /// The end when an instance retires.
    pub(crate) fn of(drain: &DrainSpec, retiring: &Retiring) -> Self {
        let end = retiring.upgraded_deadline;
        let from = match drain.websocket {
            WebSocketPolicy::Close => retiring.since,
            WebSocketPolicy::Keep => before(end, drain.timeout).max(retiring.since),
        };
        Self::between(from, end, drain.websocket_window)
    }

    /// The end when the proxy itself does, at `end` at the latest.
    pub(crate) fn with_proxy(drain: &DrainSpec, now: Moment, end: Moment) -> Self {
        let from = match drain.websocket {
            WebSocketPolicy::Close => now,
            WebSocketPolicy::Keep => now + end.since(now) / 2,
        };
        Self::between(from, end, drain.websocket_window)
    }

    /// The end when another proxy follows from `now` on: as if all instances retired.
    pub(crate) fn with_successor(drain: &DrainSpec, now: Moment) -> Self {
        let lasts = match drain.websocket {
            WebSocketPolicy::Close => drain.timeout,
            WebSocketPolicy::Keep => drain.websocket_timeout,
        };
        let drain_deadline = now + drain.timeout;
        Self::of(drain, &Retiring { since: now, drain_deadline, upgraded_deadline: now + lasts })
    }

    /// Half of the time at least is left for the answers of clients.
    fn between(from: Moment, end: Moment, window: Duration) -> Self {
        Self { from, until: from + window.min(end.since(from) / 2), end }
    }

    /// The end for whom both hold.
    pub(crate) fn or_earlier(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let from = self.from.min(other.from);
        Self { from, until: self.until.min(other.until).max(from), end: self.end.min(other.end) }
    }

    /// When the connection is closed that has this share, 0 to 1, of all. Those of a window that has passed
    /// meanwhile are closed at once.
    pub(crate) fn at(&self, share: f64) -> Moment {
        self.from + self.until.since(self.from).mul_f64(share)
    }
}

fn before(moment: Moment, duration: Duration) -> Moment {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Moment::from_millis(moment.as_millis().saturating_sub(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    fn drain(websocket: WebSocketPolicy, window: u64) -> DrainSpec {
        DrainSpec {
            timeout: Duration::from_millis(1000),
            websocket,
            websocket_timeout: Duration::from_millis(5000),
            websocket_window: Duration::from_millis(window),
        }
    }

    fn retiring(upgraded_deadline: u64) -> Retiring {
        Retiring { since: at(100), drain_deadline: at(1100), upgraded_deadline: at(upgraded_deadline) }
    }

    #[test]
    fn those_that_are_closed_are_spread_and_leave_time_for_answers() {
        let finish = Finish::of(&drain(WebSocketPolicy::Close, 200), &retiring(1100));
        assert_eq!(finish, Finish { from: at(100), until: at(300), end: at(1100) });
        assert_eq!([0.0, 0.5, 1.0].map(|share| finish.at(share)), [at(100), at(200), at(300)]);
        let long = Finish::of(&drain(WebSocketPolicy::Close, 60_000), &retiring(1100));
        assert_eq!(long.at(1.0), at(600));
        let at_once = Finish::of(&drain(WebSocketPolicy::Close, 0), &retiring(1100));
        assert_eq!(at_once.at(0.9), at(100));
    }

    #[test]
    fn those_that_are_kept_are_closed_before_they_would_be_cut() {
        let finish = Finish::of(&drain(WebSocketPolicy::Keep, 200), &retiring(6100));
        assert_eq!(finish, Finish { from: at(5100), until: at(5300), end: at(6100) });
        // Retired when there was no time at all.
        let none = Finish::of(&drain(WebSocketPolicy::Keep, 200), &retiring(100));
        assert_eq!(none, Finish { from: at(100), until: at(100), end: at(100) });
    }

    #[test]
    fn the_end_of_the_proxy_comes_before_that_of_an_instance() {
        let spec = drain(WebSocketPolicy::Keep, 100);
        let instance = Finish::of(&spec, &retiring(6100));
        let proxy = Finish::with_proxy(&spec, at(0), at(400));
        assert_eq!(proxy, Finish { from: at(200), until: at(300), end: at(400) });
        assert_eq!(instance.or_earlier(Some(proxy)), proxy);
        assert_eq!(proxy.or_earlier(Some(instance)), proxy);
        assert_eq!(proxy.or_earlier(None), proxy);
    }

    #[test]
    fn a_proxy_with_a_successor_gives_what_an_instance_would() {
        for (policy, deadline) in [(WebSocketPolicy::Close, 1100), (WebSocketPolicy::Keep, 5100)] {
            let spec = drain(policy, 100);
            assert_eq!(Finish::with_successor(&spec, at(100)), Finish::of(&spec, &retiring(deadline)));
        }
    }
}
