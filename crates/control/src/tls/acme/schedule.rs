//! When a certificate is fetched.

use gapless_model::WallTime;
use std::time::Duration;

/// After the first failure; doubled with each other one. Authorities allow few failures an hour.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// And no longer than this.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// From when a certificate that holds from and until these times is renewed: when a third of its time is left, or
/// up to a thirtieth earlier, by `chance` (0 to 1), so that not all are renewed at once.
pub(super) fn renew_at((from, until): (WallTime, WallTime), chance: f64) -> WallTime {
    let whole = Duration::from_millis(until.as_millis().saturating_sub(from.as_millis()));
    let before = whole / 3 + (whole / 30).mul_f64(chance.clamp(0.0, 1.0));
    let before = u64::try_from(before.as_millis()).unwrap_or(u64::MAX);
    WallTime::from_millis(until.as_millis().saturating_sub(before))
}

/// How long to wait after so many failures in a row (at least 1), give or take a quarter by `chance` (0 to 1).
pub(super) fn wait(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST).mul_f64(0.75 + 0.5 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_certificate_of_ninety_days_is_renewed_a_month_ahead_and_not_with_all_others() {
        let holds = (WallTime::from_millis(DAY), WallTime::from_millis(91 * DAY));
        assert_eq!(renew_at(holds, 0.0), WallTime::from_millis(61 * DAY));
        assert_eq!(renew_at(holds, 1.0), WallTime::from_millis(58 * DAY));
    }

    #[test]
    fn failures_are_tried_again_later_and_later() {
        assert_eq!(wait(1, 0.5), FIRST);
        assert_eq!(wait(3, 0.5), FIRST * 4);
        assert_eq!(wait(100, 0.5), LONGEST);
        assert_eq!(wait(1, 0.0), FIRST.mul_f64(0.75));
        assert_eq!(wait(1, 1.0), FIRST.mul_f64(1.25));
    }
}
