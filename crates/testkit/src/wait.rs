//! Waiting for something to be so, with a deadline.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks `probe` until it gives a value, and returns that. Blocks the thread.
///
/// # Panics
/// When `within` has passed: with what was waited for, and for how long.
#[track_caller]
pub fn wait_for<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(began.elapsed() < within, "waited {within:?} in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Like [`wait_for`], without blocking the thread, for a probe that itself awaits.
///
/// # Panics
/// When `within` has passed: with what was waited for, and for how long.
pub async fn wait_until<T>(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let began = tokio::time::Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(began.elapsed() < within, "waited {within:?} in vain for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks `look` until what it sees pleases `is_so`, and returns that. Blocks the thread. For things that say
/// more about why not than a bare `None`.
///
/// # Panics
/// When `within` has passed: with what was waited for, and what was seen last.
#[track_caller]
pub fn wait_to_see<T: Debug>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let began = Instant::now();
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        assert!(began.elapsed() < within, "waited {within:?} in vain for {what}; seen last: {seen:#?}");
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_returns_what_was_found() {
        let mut left = 3;
        let found = wait_for("a countdown", Duration::from_secs(5), || {
            left -= 1;
            (left == 0).then_some("done")
        });
        assert_eq!(found, "done");
    }

    #[test]
    #[should_panic(expected = "in vain for 2; seen last: 1")]
    fn it_says_what_it_waited_for_and_what_it_saw() {
        wait_to_see("2", Duration::ZERO, || 1, |seen| *seen == 2);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 60s in vain for nothing")]
    async fn it_gives_up_in_time() {
        wait_until("nothing", Duration::from_secs(60), async || None::<()>).await;
    }
}
