//! Waiting for something that will be so.

use crate::trouble::Trouble;
use std::thread;
use std::time::{Duration, Instant};

/// Asks `ready` every `pace` until it has an answer; how long that took, and the answer.
///
/// # Errors
/// When it has none within `deadline`, naming `what` was waited for.
pub(crate) fn until<T>(
    what: &str,
    deadline: Duration,
    pace: Duration,
    mut ready: impl FnMut() -> Option<T>,
) -> Result<(Duration, T), Trouble> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ready() {
            return Ok((began.elapsed(), answer));
        }
        if began.elapsed() > deadline {
            return Err(Trouble::Bench {
                what: format!("{what}: not so after {}", crate::step::spoken(deadline)),
            });
        }
        thread::sleep(pace);
    }
}

/// Milliseconds with their fraction.
pub(crate) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
