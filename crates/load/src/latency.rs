//! How long answers took.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Times from the begin of a request (the connect included, where there was one) to the last byte of a right
/// answer, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the answers took at most this.
    pub p50_us: u64,
    /// 90 % took at most this.
    pub p90_us: u64,
    /// 99 % took at most this.
    pub p99_us: u64,
    /// All took at most this.
    pub max_us: u64,
}

/// The times, kept to three digits. Values beyond two minutes count as two minutes.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    const LONGEST: u64 = 120_000_000;

    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, Self::LONGEST, 3).expect("the bounds are constants that fit"))
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(Self::LONGEST).max(1));
    }

    pub(crate) fn summary(&self) -> Latency {
        Latency {
            p50_us: self.0.value_at_quantile(0.50),
            p90_us: self.0.value_at_quantile(0.90),
            p99_us: self.0.value_at_quantile(0.99),
            max_us: self.0.max(),
        }
    }
}
