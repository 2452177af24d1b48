//! One app's way from the reader to its files: in order, in one writer's hands at a time, bounded in bytes.

use crate::files::Files;
use crate::queue::{Batch, Job, Stream};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many bytes of one app's output may wait for the disk.
const SHARE: usize = 4 * 1024 * 1024;

/// So many of all apps together …
const CAPACITY: usize = 2 * SHARE;

/// … but so many of each whatever the others have waiting: no app pays for another's disk.
const OWN: usize = 64 * 1024;

/// A disk that has taken no byte for this long is stuck, and no app waits for it any longer. Long enough for
/// one that is busy with another's flood, short enough for an app that stands still meanwhile.
pub(crate) const STUCK: Duration = Duration::from_secs(3);

/// Who has a lane's files.
#[derive(Debug, Clone, Copy)]
enum Hands {
    /// Nobody, for there is nothing to do.
    Resting,
    /// Nobody yet, since then.
    Waiting(Instant),
    /// A writer, who has last written something then.
    Writing(Instant),
}

/// Whether lines are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// There is room.
    Open,
    /// There is none, and the app is to wait for it.
    Full,
    /// There is none and will be none soon: what comes is dropped.
    Shut,
}

/// Whether lines were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Yes, and there is room for more.
    Yes,
    /// Yes, and they should be the last for now.
    Last,
    /// No.
    No,
}

#[derive(Debug)]
pub(crate) struct Lane {
    jobs: VecDeque<Job>,
    /// None while they are closed, or with a writer.
    files: Option<Files>,
    /// Of the lines that wait, and of those that are being written.
    bytes: usize,
    hands: Hands,
    intake: Intake,
    /// Lines that were dropped since the last that were taken in, of either stream.
    missing: [u64; 2],
}

impl Lane {
    pub(crate) const fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            files: None,
            bytes: 0,
            hands: Hands::Resting,
            intake: Intake::Open,
            missing: [0; 2],
        }
    }

    /// Takes lines in, where `in_all` bytes wait of all apps.
    pub(crate) fn take_in(&mut self, mut batch: Batch, in_all: usize) -> Taken {
        let missing = &mut self.missing[usize::from(batch.stream == Stream::Err)];
        if self.intake == Intake::Shut {
            *missing += batch.lines;
            return Taken::No;
        }
        batch.missing = std::mem::take(missing);
        let size = batch.size();
        self.bytes += size;
        self.jobs.push_back(Job::Write(batch));
        if self.bytes > SHARE || (in_all + size > CAPACITY && self.bytes > OWN) {
            self.intake = Intake::Full;
            return Taken::Last;
        }
        Taken::Yes
    }

    /// Adds a job that is not lines.
    pub(crate) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// There is something to do, and nobody does it: true if that is new.
    pub(crate) fn wait(&mut self, now: Instant) -> bool {
        let rests = matches!(self.hands, Hands::Resting);
        if rests {
            self.hands = Hands::Waiting(now);
        }
        rests
    }

    /// A writer takes the files and the first job.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Option<Files>, Job)> {
        let job = self.jobs.pop_front()?;
        if self.jobs.is_empty() {
            // Back to nothing after a burst.
            self.jobs.shrink_to(4);
        }
        self.hands = Hands::Writing(now);
        Some((self.files.take(), job))
    }

    /// The writer who has it has written something.
    pub(crate) const fn moved(&mut self, now: Instant) {
        self.hands = Hands::Writing(now);
    }

    /// The writer gives it back. True if the reader waits for the room that came of it.
    pub(crate) fn give_back(&mut self, files: Option<Files>, written: usize, in_all: usize) -> bool {
        self.files = files;
        self.hands = Hands::Resting;
        self.bytes -= written;
        // Only well below the bounds: what comes and goes at each batch would wake everybody for nothing, and
        // a disk that was stuck shows first that it writes again.
        let room = self.bytes <= SHARE / 2 && (in_all <= CAPACITY * 3 / 4 || self.bytes <= OWN / 2);
        if !room {
            return false;
        }
        std::mem::replace(&mut self.intake, Intake::Open) == Intake::Full
    }

    pub(crate) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_over(&self) -> bool {
        self.jobs.is_empty() && self.files.is_none() && matches!(self.hands, Hands::Resting)
    }

    /// Whether the reader waits for room.
    pub(crate) fn is_full(&self) -> bool {
        self.intake == Intake::Full
    }

    /// Since when a writer has it and has written nothing.
    pub(crate) const fn still_since(&self) -> Option<Instant> {
        match self.hands {
            Hands::Writing(since) => Some(since),
            Hands::Resting | Hands::Waiting(_) => None,
        }
    }

    /// Whether there is something to do, or being done.
    pub(crate) const fn is_busy(&self) -> bool {
        !matches!(self.hands, Hands::Resting)
    }

    /// Whether nothing has been written for `time`, though there is something to write. `any` is when the last
    /// byte of any app was written.
    pub(crate) fn stands_still(&self, now: Instant, any: Instant, time: Duration) -> bool {
        let last = match self.hands {
            Hands::Resting => return false,
            Hands::Waiting(since) => since.max(any),
            Hands::Writing(since) => since,
        };
        now.saturating_duration_since(last) >= time
    }

    /// Gives up waiting for a disk that is stuck. `any` is when the last byte of any app was written. True if
    /// that is new.
    pub(crate) fn give_up(&mut self, now: Instant, any: Instant) -> bool {
        let given_up = self.intake == Intake::Full && self.stands_still(now, any, STUCK);
        if given_up {
            self.intake = Intake::Shut;
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fifo::{Fifo, Origin, Sink};
    use gapless_model::WallTime;
    use std::sync::Arc;

    fn batch(size: usize) -> Batch {
        let (app, bytes) = ("api".parse().unwrap(), vec![b'x'; size]);
        let (pipe, _) = rustix::pipe::pipe().unwrap();
        let origin = Origin { fifo: Arc::new(Fifo::of(pipe, &Arc::new(Sink::open().unwrap()))), end: 0 };
        Batch { app, stream: Stream::Out, at: WallTime::from_millis(0), bytes, lines: 3, missing: 0, origin }
    }

    /// Gives it lines until there is no room.
    fn fill(lane: &mut Lane, now: Instant) {
        while lane.take_in(batch(OWN), lane.bytes) == Taken::Yes {}
        lane.wait(now);
    }

    #[test]
    fn a_disk_that_moves_is_waited_for_however_slow_it_is() {
        let (mut lane, begun) = (Lane::new(), Instant::now());
        fill(&mut lane, begun);
        let mut now = begun + STUCK - Duration::from_millis(1);
        assert!(!lane.give_up(now, begun));
        lane.take(now).unwrap();
        for _ in 0..20 {
            now += STUCK - Duration::from_millis(1);
            assert!(!lane.give_up(now, begun));
            lane.moved(now);
        }
        assert!(!lane.give_back(None, OWN, lane.bytes), "no room yet");
        assert_eq!(lane.take_in(batch(1), lane.bytes), Taken::Last);
    }

    #[test]
    fn a_disk_that_was_stuck_shows_first_that_it_writes_again() {
        let (mut lane, begun) = (Lane::new(), Instant::now());
        fill(&mut lane, begun);
        lane.take(begun).unwrap();
        assert!(lane.give_up(begun + STUCK, begun));
        assert_eq!(lane.take_in(batch(1), lane.bytes), Taken::No);
        lane.give_back(None, OWN, lane.bytes);
        assert_eq!(lane.take_in(batch(1), lane.bytes), Taken::No);
        lane.give_back(None, lane.bytes, 0);
        assert_eq!(lane.take_in(batch(1), 0), Taken::Yes);
        let Some(Job::Write(last)) = lane.jobs.pop_back() else { panic!("no lines") };
        assert_eq!(last.missing, 6);
    }

    #[test]
    fn who_waits_for_a_writer_waits_for_those_that_move() {
        let (mut lane, begun) = (Lane::new(), Instant::now());
        fill(&mut lane, begun);
        let later = begun + STUCK * 3;
        assert!(!lane.give_up(later, later - STUCK / 2), "others are served");
        assert!(lane.give_up(later, later - STUCK));
    }

    #[test]
    fn each_app_has_room_of_its_own_where_the_others_took_all() {
        let mut lane = Lane::new();
        assert_eq!(lane.take_in(batch(OWN / 2), CAPACITY), Taken::Yes);
        assert_eq!(lane.take_in(batch(OWN), CAPACITY), Taken::Last);
    }
}
