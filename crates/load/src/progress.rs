//! The load while it runs, cheap enough to be drawn many times a second.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Requests begun.
    pub begun: u64,
    /// Requests answered in full, and rightly.
    pub right: u64,
    /// Requests lost.
    pub lost: u64,
    /// Connections opened.
    pub connections: u64,
}

/// The counts as the clients write them; each stands for itself, so no order between them is needed.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) begun: AtomicU64,
    pub(crate) right: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) connections: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Progress {
        Progress {
            begun: self.begun.load(Relaxed),
            right: self.right.load(Relaxed),
            lost: self.lost.load(Relaxed),
            connections: self.connections.load(Relaxed),
        }
    }

    /// Takes one of `max` requests; false when all are taken.
    pub(crate) fn begin(&self, max: u64) -> bool {
        self.begun.fetch_update(Relaxed, Relaxed, |n| (n < max).then_some(n + 1)).is_ok()
    }
}
