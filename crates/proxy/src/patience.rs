//! How long a client may let an app wait for the body of a request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Time that a byte makes good: at 100 bytes a second a client owes nothing.
const OF_A_BYTE: Duration = Duration::from_millis(10);

/// Of one body. Only time in which somebody waits for bytes counts: an instance that reads slowly is not its
/// client's fault.
pub(crate) struct Patience {
    debt: Debt,
    /// Rings when it may be over, but never later: it is put off when it rings, not with every byte.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// For a body that may be waited for so long.
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { debt: Debt { limit, owed: Duration::ZERO, since: None }, alarm: None }
    }

    /// Nothing is there, and somebody wants it. Ready when that has been so for too long.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.debt.waits(Instant::now);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= end {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(end);
        }
    }

    /// So many bytes have come.
    pub(crate) fn arrived(&mut self, bytes: usize) {
        self.debt.arrived(Instant::now, bytes);
    }

    /// The client is not to blame, for all that is known: it owes nothing.
    pub(crate) fn forgive(&mut self) {
        self.debt.forgive(Instant::now);
    }
}

/// Waited, less what was made good. The clock is only asked where it matters.
struct Debt {
    limit: Duration,
    /// What was owed at `since`, or is while nobody waits.
    owed: Duration,
    /// Somebody has waited from then on.
    since: Option<Instant>,
}

impl Debt {
    /// Somebody waits. When it is over if nothing comes.
    fn waits(&mut self, now: impl FnOnce() -> Instant) -> Instant {
        *self.since.get_or_insert_with(now) + self.limit.saturating_sub(self.owed)
    }

    fn arrived(&mut self, now: impl FnOnce() -> Instant, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.owed += now() - since;
        }
        let good = OF_A_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.owed = self.owed.saturating_sub(good);
    }

    fn forgive(&mut self, now: impl FnOnce() -> Instant) {
        self.owed = Duration::ZERO;
        self.since = self.since.map(|_| now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A debt, and a clock of its own.
    struct Book(Debt, Instant);

    impl Book {
        fn new() -> Self {
            Self(Debt { limit: 60 * SECOND, owed: Duration::ZERO, since: None }, Instant::now())
        }

        /// Somebody waits until bytes come. Whether they come before it is over.
        fn bytes_after(&mut self, pause: Duration, bytes: usize) -> bool {
            let end = self.0.waits(|| self.1);
            self.1 += pause;
            self.0.arrived(|| self.1, bytes);
            self.1 < end
        }
    }

    #[test]
    fn silence_is_over_after_its_time() {
        let mut book = Book::new();
        assert!(book.bytes_after(59 * SECOND, 10_000));
        assert!(book.bytes_after(59 * SECOND, 10_000));
        assert!(!book.bytes_after(60 * SECOND, 1));
    }

    #[test]
    fn a_trickle_is_over_as_well_and_a_slow_stream_is_not() {
        for (bytes, ends) in [(1, Some(4)), (100, Some(4)), (1_000, Some(5)), (2_000, None), (100_000, None)]
        {
            let mut book = Book::new();
            let end = (1..1_000).find(|_| !book.bytes_after(20 * SECOND, bytes));
            assert_eq!(end, ends, "{bytes} bytes every 20 s");
        }
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let mut book = Book::new();
        for _ in 0..10 {
            assert!(book.bytes_after(50 * SECOND, 10_000));
            book.1 += 600 * SECOND;
        }
    }

    #[test]
    fn what_is_forgiven_is_not_owed() {
        let mut book = Book::new();
        for _ in 0..10 {
            let end = book.0.waits(|| book.1);
            book.1 += 50 * SECOND;
            assert!(book.1 < end);
            book.0.forgive(|| book.1);
        }
        assert!(!book.bytes_after(60 * SECOND, 1));
    }
}
