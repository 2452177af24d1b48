//! Places for requests that wait for an instance: counted over all workers.

use gapless_model::app::HoldSpec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How many requests of an app may wait, how many bytes of them, and for how long each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) requests: u32,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl From<&HoldSpec> for Bounds {
    fn from(spec: &HoldSpec) -> Self {
        Self { requests: spec.max_requests, bytes: spec.max_bytes, time: spec.timeout }
    }
}

/// How many requests of one app are held, and how much they are. Shared by all workers.
#[derive(Debug, Default)]
pub(crate) struct Places {
    held: AtomicU32,
    bytes: AtomicU64,
    /// Held for clients that have closed their side. Such a client may still want its answer (half-closed),
    /// or be gone: it gives its place to others, and is kept as far as there is room.
    half: AtomicU32,
}

/// One place. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    bytes: u64,
    half: bool,
}

impl Places {
    /// Takes a place for a request of so many bytes, if there is room.
    pub(crate) fn take(self: &Arc<Self>, bounds: &Bounds, bytes: u64) -> Option<Place> {
        let room = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= bounds.bytes);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        if !below(&self.held, bounds.requests) {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return None;
        }
        Some(Place { places: Arc::clone(self), bytes, half: false })
    }
}

impl Place {
    /// The client has closed its side: gives the place away. Returns whether the request may stay.
    pub(crate) fn step_aside(&mut self, max: u32) -> bool {
        if !self.half && below(&self.places.half, max) {
            self.places.held.fetch_sub(1, Ordering::Relaxed);
            self.half = true;
        }
        self.half
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let count = if self.half { &self.places.half } else { &self.places.held };
        count.fetch_sub(1, Ordering::Relaxed);
        self.places.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Counts up unless `max` is reached.
fn below(count: &AtomicU32, max: u32) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let places = Arc::new(Places::default());
        let take = |requests, bytes| {
            let bounds = Bounds { requests, bytes: 100, time: Duration::ZERO };
            places.take(&bounds, bytes)
        };
        let mut one = take(1, 1).unwrap();
        assert!(take(1, 1).is_none());
        assert!(one.step_aside(1));
        let mut two = take(1, 1).unwrap();
        assert!(!two.step_aside(1), "there is no room aside");
        drop(one);
        assert!(two.step_aside(1));
        drop(two);
        let three = take(9, 60).unwrap();
        assert!(take(9, 41).is_none(), "there is no room for so much");
        let four = take(9, 40).unwrap();
        drop((three, four));
        assert!(take(1, 100).is_some());
    }
}
