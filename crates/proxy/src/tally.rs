//! What one worker has counted since it was last asked.

use gapless_model::TrafficCount;
use std::cell::Cell;

/// Counts that have not been reported yet. Workers report what came since, so that nothing is counted twice
/// or forgotten when an instance leaves one worker's table before another's.
#[derive(Debug, Default)]
pub(crate) struct Tally(Cell<TrafficCount>);

impl Tally {
    /// Counts something.
    #[inline]
    pub(crate) fn add(&self, count: impl FnOnce(&mut TrafficCount)) {
        let mut now = self.0.get();
        count(&mut now);
        self.0.set(now);
    }

    /// What came since this was last called.
    pub(crate) fn take(&self) -> TrafficCount {
        self.0.take()
    }
}
