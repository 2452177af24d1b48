//! Places for requests that wait for an instance: counted over all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many requests of one app are held. Shared by all workers.
#[derive(Debug, Default)]
pub(crate) struct Places {
    held: AtomicU32,
    /// Held for clients that have closed their side. Such a client may still want its answer (half-closed),
    /// or be gone: it gives its place to others, and is kept as far as there is room.
    half: AtomicU32,
}

/// One place. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    half: bool,
}

impl Places {
    /// Takes a place, if fewer than `max` are taken.
    pub(crate) fn take(self: &Arc<Self>, max: u32) -> Option<Place> {
        below(&self.held, max).then(|| Place { places: Arc::clone(self), half: false })
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
        let mut one = places.take(1).unwrap();
        assert!(places.take(1).is_none());
        assert!(one.step_aside(1));
        let mut two = places.take(1).unwrap();
        assert!(!two.step_aside(1), "there is no room aside");
        drop(one);
        assert!(two.step_aside(1));
        drop(two);
        assert!(places.take(1).is_some());
    }
}
