//! What one worker has seen of one instance's answers since it was last asked.

use gapless_routing::counters::{AnswerCount, LATENCY_BOUNDS, LATENCY_BUCKETS};
use http::StatusCode;
use std::cell::Cell;
use std::time::Duration;

/// Answers that have not been reported yet. Small numbers: they are taken every second.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    classes: [Cell<u32>; 5],
    latency: [Cell<u32>; LATENCY_BUCKETS],
    latency_us: Cell<u64>,
    bytes: Cell<u64>,
}

impl Meter {
    /// Counts an answer.
    #[inline]
    pub(crate) fn answered(&self, status: StatusCode, took: Duration, bytes: u64) {
        // Beyond 31 seconds it is the last bucket, and beyond 71 minutes the sum is not worth the care.
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < micros);
        let class = (usize::from(status.as_u16()) / 100).clamp(1, 5) - 1;
        add(&self.classes[class]);
        add(&self.latency[bucket]);
        self.latency_us.set(self.latency_us.get() + u64::from(micros));
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// What came since this was last called.
    pub(crate) fn take(&self) -> AnswerCount {
        AnswerCount {
            classes: std::array::from_fn(|class| u64::from(self.classes[class].take())),
            latency: std::array::from_fn(|bucket| u64::from(self.latency[bucket].take())),
            latency_us: self.latency_us.take(),
            bytes: self.bytes.take(),
        }
    }
}

#[inline]
fn add(count: &Cell<u32>) {
    count.set(count.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_class_and_by_time() {
        let meter = Meter::default();
        for (status, micros) in
            [(200, 10), (204, 1_000), (301, 1_001), (404, 30_000_000), (503, 31_000_000), (999, u64::MAX)]
        {
            meter.answered(StatusCode::from_u16(status).unwrap(), Duration::from_micros(micros), 2);
        }
        let count = meter.take();
        assert_eq!(count.classes, [0, 2, 1, 1, 2]);
        let mut latency = [0; LATENCY_BUCKETS];
        (latency[0], latency[1], latency[13], latency[14]) = (2, 1, 1, 2);
        assert_eq!((count.latency, count.bytes), (latency, 12));
        assert_eq!(meter.take(), AnswerCount::default());
    }
}
