//! The two clocks: one to decide by, one to show.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since boot, suspended time included (`CLOCK_BOOTTIME`), as exact as the clock is.
pub fn boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Milliseconds since boot, suspended time included (`CLOCK_BOOTTIME`, `clock_gettime(2)`).
///
/// The same for every process of the machine, and untouched by a wall clock that jumps.
pub fn boot_millis() -> u64 {
    u64::try_from(boot().as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970-01-01T00:00:00Z as the wall clock has it; 0 if it is set before that.
pub fn wall_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_agrees_with_the_kernels_own_account() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        assert!((boot_millis() as f64 / 1000.0 - seconds).abs() < 5.0);
    }

    #[test]
    fn wall_time_is_after_this_was_written() {
        assert!(wall_millis() > 1_700_000_000_000);
    }
}
