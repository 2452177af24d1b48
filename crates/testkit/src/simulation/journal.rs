//! The journal: answers in order, later, and not always well.

use gapless_store::{Change, State};
use std::collections::VecDeque;

/// How long the disk takes, in milliseconds, when nothing is wrong with it.
const USUAL: std::ops::RangeInclusive<u64> = 1..=4;

/// What is on disk, and what is on its way there.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// What a control that begins now would recover.
    pub(super) state: State,
    /// Not written yet, the oldest first. Dies with control.
    under_way: VecDeque<(u64, Vec<Change>)>,
    /// Refused by a full disk, kept in memory to be tried again. Dies with control.
    kept: Vec<Change>,
    /// When the disk is done with what was given to it last.
    done_at: u64,
    full_until: u64,
    slow_until: u64,
    slowness: u64,
    pub(super) forgetful: bool,
    /// Whether something that was acted on without being written, the disk being full, was lost with control.
    pub(super) lost_acted: bool,
}

/// The answer to a commit.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) token: u64,
    pub(super) error: Option<String>,
    /// What is on disk since.
    pub(super) written: Vec<Change>,
}

impl Journal {
    /// Takes an entry, and says when the disk will be done with it.
    pub(super) fn take(
        &mut self,
        token: u64,
        changes: Vec<Change>,
        now: u64,
        rng: &mut fastrand::Rng,
    ) -> u64 {
        let takes = if now < self.slow_until { self.slowness } else { rng.u64(USUAL) };
        self.done_at = self.done_at.max(now) + takes;
        self.under_way.push_back((token, changes));
        self.done_at
    }

    /// The disk is done with the oldest entry.
    pub(super) fn write(&mut self, now: u64) -> Option<Answer> {
        let (token, changes) = self.under_way.pop_front()?;
        self.kept.extend(changes);
        if now < self.full_until {
            return Some(Answer {
                token,
                error: Some("no space left on device".into()),
                written: Vec::new(),
            });
        }
        let written = std::mem::take(&mut self.kept);
        if !self.forgetful {
            written.iter().for_each(|change| self.state.apply(change));
        }
        Some(Answer { token, error: None, written })
    }

    /// The disk has room again: what was kept is written.
    pub(super) fn retry(&mut self) -> Vec<Change> {
        let written = std::mem::take(&mut self.kept);
        written.iter().for_each(|change| self.state.apply(change));
        written
    }

    /// Control was killed: what was not written never was.
    pub(super) fn lose_tail(&mut self) {
        self.lost_acted |= !self.kept.is_empty();
        self.under_way.clear();
        self.kept.clear();
        self.done_at = 0;
    }

    /// Whether something is not on disk that should be.
    pub(super) fn is_behind(&self) -> bool {
        !self.kept.is_empty() || !self.under_way.is_empty()
    }

    pub(super) const fn is_full(&self, now: u64) -> bool {
        now < self.full_until
    }

    pub(super) const fn was_full(&self) -> bool {
        self.full_until > 0
    }

    pub(super) const fn fill(&mut self, until: u64) {
        self.full_until = until;
    }

    pub(super) const fn slow_down(&mut self, by: u64, until: u64) {
        self.slowness = by;
        self.slow_until = until;
    }
}
