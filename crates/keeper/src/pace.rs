//! How soon control is started again.

use std::time::Duration;

/// Having run that long, its earlier ends do not count any more.
const STEADY: Duration = Duration::from_secs(10);
/// The delay after the second end in a row; it doubles from here.
const FIRST: Duration = Duration::from_millis(100);
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(5);

/// Counts ends in a row.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    ends: u32,
}

impl Pace {
    /// How long to wait now that it ended after having run for `ran`: not at all the first time.
    pub(crate) fn delay_after(&mut self, ran: Duration) -> Duration {
        if ran >= STEADY {
            self.ends = 0;
        }
        self.ends += 1;
        match self.ends {
            1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(16)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_at_once_and_a_crash_loop_slows_down() {
        let mut pace = Pace::default();
        let delays: Vec<u128> =
            (0..9).map(|_| pace.delay_after(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(delays, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pace.delay_after(Duration::from_secs(10)), Duration::ZERO);
        pace.ends = u32::MAX - 1;
        assert_eq!(pace.delay_after(Duration::ZERO), LONGEST);
    }
}
