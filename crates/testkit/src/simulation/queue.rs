//! Virtual time: what happens next.

use super::event::Event;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The events to come, by their time; those of one millisecond in the order in which they were put in.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
    pub(super) now: u64,
}

#[derive(Debug)]
struct Entry {
    at: u64,
    place: u64,
    event: Event,
}

impl Queue {
    /// Nothing is to come yet.
    pub(super) fn beginning_at(now: u64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Lets `event` happen at `at`, or now if that has passed.
    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.heap.push(Reverse(Entry { at: at.max(self.now), place: self.count, event }));
    }

    /// Lets `event` happen in `delay` milliseconds.
    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Moves on to the next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.place) == (other.at, other.place)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}
