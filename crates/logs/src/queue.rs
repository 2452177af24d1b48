//! Between the reader and the writer: bounded in bytes, so that a stuck disk costs lines and nothing else.

use crate::troubles::Troubles;
use gapless_model::app::LogSpec;
use gapless_model::{AppName, WallTime};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// So many bytes of output may wait for the disk.
const CAPACITY: usize = 8 * 1024 * 1024;

/// So many of them may be one app's: a flood of one app leaves room for the lines of the others.
const SHARE: usize = CAPACITY / 2;

/// A burst that took more than this is worth being given back to the system when it is over.
const BURST: usize = 1024 * 1024;

/// Which of an app's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Lines ready to be written.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) app: AppName,
    pub(crate) stream: Stream,
    /// When they were read.
    pub(crate) at: WallTime,
    /// Whole lines with their prefixes and ends.
    pub(crate) bytes: Vec<u8>,
    pub(crate) lines: u64,
}

/// What the writer is to do, in order.
#[derive(Debug)]
pub(crate) enum Job {
    Write(Batch),
    /// Keep the files of an app so from now on.
    Configure(AppName, LogSpec),
    /// The last instance of an app is gone: close its files.
    Close(AppName),
    /// All before this is done.
    Tell(oneshot::Sender<()>),
    End,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    by_app: BTreeMap<AppName, usize>,
    /// The most bytes since there were none.
    peak: usize,
    troubles: Troubles,
}

/// The queue. Its lock is never held over I/O.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds lines, or drops and counts them if there is no room.
    pub(crate) fn write(&self, batch: Batch) {
        let size = batch.bytes.capacity();
        let mut waiting = self.lock();
        let of_app = waiting.by_app.get(&batch.app).copied().unwrap_or(0);
        if waiting.bytes + size > CAPACITY || of_app + size > SHARE {
            waiting.troubles.dropped(&batch.app, batch.lines, "the disk is too slow");
            return;
        }
        waiting.bytes += size;
        waiting.peak = waiting.peak.max(waiting.bytes);
        waiting.by_app.insert(batch.app.clone(), of_app + size);
        waiting.jobs.push_back(Job::Write(batch));
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Adds a job that is not lines; there is always room.
    pub(crate) fn push(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.arrived.notify_one();
    }

    /// Waits for the next job.
    pub(crate) fn pop(&self) -> Job {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                if waiting.jobs.is_empty() {
                    // Back to nothing after a burst.
                    waiting.jobs.shrink_to(64);
                }
                return job;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lines that were taken are written, or were lost: they no longer count. True if they were the last of a
    /// burst, and memory can be given back.
    pub(crate) fn done(&self, batch: Batch) -> bool {
        let size = batch.bytes.capacity();
        let mut waiting = self.lock();
        waiting.bytes -= size;
        let left = waiting.by_app.get(&batch.app).copied().unwrap_or(0).saturating_sub(size);
        if left == 0 {
            waiting.by_app.remove(&batch.app);
        } else {
            waiting.by_app.insert(batch.app, left);
        }
        waiting.bytes == 0 && std::mem::take(&mut waiting.peak) > BURST
    }

    /// What is wrong, in words.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.lock().troubles.words()
    }

    /// Notes what is wrong.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Troubles)) {
        note(&mut self.lock().troubles);
    }
}
