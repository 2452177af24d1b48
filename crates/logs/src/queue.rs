//! Between the reader and the writers: a lane for each app, bounded in bytes. A slow disk makes an app wait;
//! one that is stuck costs its lines, and delays no other app.

use crate::bell::Bell;
use crate::fifo::Origin;
use crate::files::Files;
use crate::lane::{Lane, Taken};
use crate::troubles::Troubles;
use gapless_model::app::LogSpec;
use gapless_model::{AppName, WallTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A burst that took more than this is worth being given back to the system when it is over.
const BURST: usize = 1024 * 1024;

/// Where lines wait while every writer has stood still for this long, there is one more of them; and the app whose
/// lines wait so is not to wait with them.
const STILL: Duration = Duration::from_millis(500);

/// How often the reader looks whether one is needed, or an app has waited for long enough.
const LOOK: Duration = Duration::from_millis(250);

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
    /// Lines of this stream that were dropped before these.
    pub(crate) missing: u64,
    pub(crate) origin: Origin,
}

impl Batch {
    /// What it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity()
    }
}

/// What is to be done for an app, in order.
#[derive(Debug)]
pub(crate) enum Job {
    Write(Batch),
    /// What came from there needs no writing.
    Take(Origin),
    /// Keep its files so from now on.
    Configure(LogSpec),
    /// Its last instance is gone: close its files.
    Close,
    /// All before this is done.
    Tell(oneshot::Sender<()>),
}

/// A job and the files that it is about, in the hands of a writer.
pub(crate) struct Turn {
    pub(crate) app: AppName,
    pub(crate) files: Option<Files>,
    pub(crate) job: Job,
}

/// What the reader is to do about its queue.
pub(crate) struct Look {
    /// Start another writer: it is counted already.
    pub(crate) wants_writer: bool,
    /// Apps whose disk stands still.
    pub(crate) still: BTreeSet<AppName>,
    /// Look again after this.
    pub(crate) again: Option<Duration>,
}

#[derive(Debug)]
struct Waiting {
    lanes: BTreeMap<AppName, Lane>,
    /// Lanes with something to do that nobody does, in order.
    ready: VecDeque<AppName>,
    bytes: usize,
    /// The most bytes since there were none.
    peak: usize,
    /// Writers that run.
    writers: usize,
    /// When anything was last written.
    moved: Instant,
    /// Nothing more comes; who wants to know when all is done.
    end: Option<oneshot::Sender<()>>,
    ends: bool,
    troubles: Troubles,
}

/// The queue. Its lock is never held over I/O.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// Rings when an app that waits has room.
    bell: Arc<Bell>,
}

impl Queue {
    /// An empty one, with one writer about to run.
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        let waiting = Waiting {
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            bytes: 0,
            peak: 0,
            writers: 1,
            moved: Instant::now(),
            end: None,
            ends: false,
            troubles: Troubles::default(),
        };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new(), bell }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds lines, or drops and counts them where the disk is stuck.
    pub(crate) fn write(&self, batch: Batch) -> Taken {
        let (size, lines, app) = (batch.size(), batch.lines, batch.app.clone());
        let mut waiting = self.lock();
        let in_all = waiting.bytes;
        // The reader configures an app before its first line and closes it after its last.
        let Some(lane) = waiting.lanes.get_mut(&app) else { return Taken::No };
        let taken = lane.take_in(batch, in_all);
        if taken == Taken::No {
            waiting.troubles.dropped(&app, lines, "the disk is stuck");
            return taken;
        }
        waiting.bytes += size;
        waiting.peak = waiting.peak.max(waiting.bytes);
        waiting.make_ready(app);
        drop(waiting);
        self.arrived.notify_one();
        taken
    }

    /// Adds a job that is not lines; there is always room. Of an app that is not known nothing needs doing.
    pub(crate) fn push(&self, app: &AppName, job: Job) {
        let mut waiting = self.lock();
        if matches!(job, Job::Configure(_)) && !waiting.lanes.contains_key(app) {
            waiting.lanes.insert(app.clone(), Lane::new());
        }
        let Some(lane) = waiting.lanes.get_mut(app) else { return };
        lane.push(job);
        waiting.make_ready(app.clone());
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Nothing more comes. Tells when all is done.
    pub(crate) fn end(&self, tell: oneshot::Sender<()>) {
        let mut waiting = self.lock();
        waiting.end = Some(tell);
        waiting.ends = true;
        drop(waiting);
        self.arrived.notify_all();
    }

    /// Waits for something to do; none: the writer is not needed any longer.
    pub(crate) fn take(&self) -> Option<Turn> {
        let mut waiting = self.lock();
        loop {
            while let Some(app) = waiting.ready.pop_front() {
                let lane = waiting.lanes.get_mut(&app);
                if let Some((files, job)) = lane.and_then(|lane| lane.take(Instant::now())) {
                    return Some(Turn { app, files, job });
                }
            }
            // One may rest, to be there when lines come while the others stand still.
            let at_work = waiting.lanes.values().filter(|lane| lane.still_since().is_some()).count();
            if waiting.ends || waiting.writers > at_work + 1 {
                waiting.writers -= 1;
                if waiting.writers == 0 {
                    // Whoever asked may have stopped waiting.
                    waiting.end.take().map(|tell| tell.send(()));
                }
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Something of an app was written.
    pub(crate) fn moved(&self, app: &AppName) {
        let (now, mut waiting) = (Instant::now(), self.lock());
        waiting.moved = now;
        if let Some(lane) = waiting.lanes.get_mut(app) {
            lane.moved(now);
        }
    }

    /// A job is done: its files are free, its bytes count no longer. True if they were the last of a burst,
    /// and memory can be given back.
    pub(crate) fn done(&self, app: AppName, files: Option<Files>, bytes: usize) -> bool {
        let (now, mut waiting) = (Instant::now(), self.lock());
        waiting.moved = now;
        waiting.bytes -= bytes;
        let in_all = waiting.bytes;
        let over = waiting.bytes == 0 && std::mem::take(&mut waiting.peak) > BURST;
        if let Some(lane) = waiting.lanes.get_mut(&app) {
            if lane.give_back(files, bytes, in_all) {
                self.bell.ring();
            }
            if lane.is_over() {
                waiting.lanes.remove(&app);
            } else if lane.has_jobs() {
                waiting.make_ready(app);
            }
        }
        over
    }

    /// Whether an app waits for room.
    pub(crate) fn is_full(&self, app: &AppName) -> bool {
        self.lock().lanes.get(app).is_some_and(Lane::is_full)
    }

    /// Gives up what is stuck, and finds out whether the writers are.
    pub(crate) fn look(&self) -> Look {
        let (now, mut waiting) = (Instant::now(), self.lock());
        let moved = waiting.moved;
        let (mut busy, mut stuck, mut still) = (0, 0, BTreeSet::new());
        for (app, lane) in &mut waiting.lanes {
            lane.give_up(now, moved);
            busy += usize::from(lane.is_busy());
            stuck += usize::from(lane.still_since().is_some_and(|since| now - since >= STILL));
            if lane.stands_still(now, moved, STILL) {
                still.insert(app.clone());
            }
        }
        let wants_writer = !waiting.ready.is_empty() && stuck >= waiting.writers;
        waiting.writers += usize::from(wants_writer);
        Look { wants_writer, still, again: (busy > 0).then_some(LOOK) }
    }

    /// A writer that was wanted could not be started.
    pub(crate) fn no_writer(&self) {
        self.lock().writers -= 1;
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

impl Waiting {
    fn make_ready(&mut self, app: AppName) {
        if self.lanes.get_mut(&app).is_some_and(|lane| lane.wait(Instant::now())) {
            self.ready.push_back(app);
        }
    }
}
