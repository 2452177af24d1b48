//! What instances use of CPU and memory.

use gapless_model::Moment;
use gapless_sys::usage::{Usage, by_group, ticks_per_second};
use std::collections::HashMap;
use std::io;

/// What one process group uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    /// CPU since the sample before, in percent of one core; none in the first sample of a group.
    pub cpu_percent: Option<f64>,
    /// Resident memory in bytes; pages that its processes share count once for each.
    pub memory: u64,
}

/// Measures process groups from time to time.
#[derive(Debug, Default)]
pub struct Meter {
    before: HashMap<u32, (Moment, u64)>,
}

impl Meter {
    /// What each of `groups` (pids of leaders) uses `now`, in one pass over all processes. Groups without
    /// processes are left out.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn sample(&mut self, groups: &[u32], now: Moment) -> io::Result<HashMap<u32, Used>> {
        Ok(self.judge(&by_group(groups)?, now, ticks_per_second()))
    }

    fn judge(
        &mut self,
        usage: &HashMap<u32, Usage>,
        now: Moment,
        ticks_per_second: u64,
    ) -> HashMap<u32, Used> {
        let used = usage.iter().map(|(group, usage)| {
            let cpu_percent = self.before.get(group).and_then(|(then, ticks)| {
                let seconds = now.since(*then).as_secs_f64();
                // It falls when a member ends whose CPU time nobody takes over.
                let ticks = usage.cpu_ticks.saturating_sub(*ticks) as f64;
                (seconds > 0.0).then(|| ticks / ticks_per_second as f64 / seconds * 100.0)
            });
            (*group, Used { cpu_percent, memory: usage.memory })
        });
        let used = used.collect();
        self.before = usage.iter().map(|(group, usage)| (*group, (now, usage.cpu_ticks))).collect();
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_a_share_of_the_time_between_two_samples() {
        let mut meter = Meter::default();
        let mut sample = |ms, cpu_ticks| {
            let usage = Usage { cpu_ticks, memory: 4096, processes: 1 };
            meter.judge(&HashMap::from([(7, usage)]), Moment::from_millis(ms), 100)[&7].cpu_percent
        };
        assert_eq!(sample(1000, 500), None);
        assert_eq!(sample(3000, 600), Some(50.0));
        assert_eq!(sample(4000, 590), Some(0.0));
        assert_eq!(sample(4000, 600), None, "no time has passed");
    }
}
