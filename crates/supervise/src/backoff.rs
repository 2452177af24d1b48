//! How long a failed instance waits before it is started again.

use gapless_model::app::RestartSpec;
use std::time::Duration;

/// The share by which a delay is made longer or shorter, so that what failed together does not come back
/// together.
const JITTER: f64 = 0.2;

/// Longer than this no delay can be: that somebody wrote "never" otherwise than by the policy.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Failures in a row. They fade: each [`RestartSpec::stable_after`] of being ready takes one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// As it was left by an earlier control.
    pub(crate) const fn resumed(failures: u32) -> Self {
        Self { failures }
    }

    /// Counts a failure after having been ready for `ready`, and says how many there are now.
    pub(crate) fn fail(&mut self, ready: Duration, spec: &RestartSpec) -> u32 {
        let faded = match spec.stable_after.as_millis() {
            // No time at all is stable enough.
            0 => u32::MAX,
            stable => u32::try_from(ready.as_millis() / stable).unwrap_or(u32::MAX),
        };
        self.failures = self.failures.saturating_sub(faded).saturating_add(1);
        self.failures
    }

    /// The delay that follows: none after the first failure, then `backoff`, doubling up to `backoff_max`.
    /// `random` is in `0.0..1.0`.
    pub(crate) fn delay(self, spec: &RestartSpec, random: f64) -> Duration {
        let Some(doublings) = self.failures.checked_sub(2) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let delay = spec.backoff.saturating_mul(factor).min(spec.backoff_max).min(LONGEST);
        delay.mul_f64(1.0 + JITTER * (2.0 * random - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_model::app::RestartPolicy;

    fn spec() -> RestartSpec {
        RestartSpec {
            policy: RestartPolicy::Always,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(3),
            stable_after: Duration::from_secs(10),
        }
    }

    fn delays(backoff: &mut Backoff, times: usize) -> Vec<u128> {
        (0..times)
            .map(|_| {
                backoff.fail(Duration::ZERO, &spec());
                backoff.delay(&spec(), 0.5).as_millis()
            })
            .collect()
    }

    #[test]
    fn the_first_restart_is_at_once_then_it_doubles_up_to_the_longest() {
        let mut backoff = Backoff::default();
        assert_eq!(delays(&mut backoff, 8), [0, 100, 200, 400, 800, 1600, 3000, 3000]);
        assert_eq!(Backoff::resumed(u32::MAX).delay(&spec(), 0.5), Duration::from_secs(3));
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let backoff = Backoff::resumed(3);
        assert_eq!(backoff.delay(&spec(), 0.0), Duration::from_millis(160));
        assert_eq!(backoff.delay(&spec(), 1.0), Duration::from_millis(240));
    }

    #[test]
    fn being_ready_fades_failures_one_by_one() {
        let mut backoff = Backoff::resumed(6);
        assert_eq!(backoff.fail(Duration::from_secs(9), &spec()), 7);
        assert_eq!(backoff.fail(Duration::from_secs(25), &spec()), 6);
        assert_eq!(backoff.fail(Duration::from_secs(3600), &spec()), 1);
        assert_eq!(backoff.delay(&spec(), 0.5), Duration::ZERO);
        let endless = RestartSpec { backoff: Duration::MAX, backoff_max: Duration::MAX, ..spec() };
        assert!(Backoff::resumed(9).delay(&endless, 1.0) > Duration::from_secs(3600));
        let unstable = RestartSpec { stable_after: Duration::ZERO, ..spec() };
        assert_eq!(Backoff::resumed(6).fail(Duration::ZERO, &unstable), 1);
    }
}
