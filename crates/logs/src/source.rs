//! One FIFO of an instance.

use crate::fifo::{Fifo, Origin};
use crate::lane::Taken;
use crate::line::prefix;
use crate::peek::Peek;
use crate::queue::{Batch, Job, Queue, Stream};
use crate::splitter::Splitter;
use gapless_model::{InstanceId, WallTime};
use gapless_sys::clock::wall_millis;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A line that has not ended is taken for one after this much silence: a prompt, or the last words of a
/// process that died in the middle of them. The rest of it, if it comes, is another line.
const SILENCE: Duration = Duration::from_millis(200);

/// An instance that goes on writing while its last words are read is left after this much: more than fits
/// into a FIFO.
const LAST_WORDS: usize = 1024 * 1024;

/// What was read.
pub(crate) struct Read {
    /// 0 when there was nothing.
    pub(crate) bytes: usize,
    /// The app is to wait now.
    pub(crate) full: bool,
}

/// One FIFO.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) fifo: Arc<Fifo>,
    pub(crate) instance: InstanceId,
    name: String,
    stream: Stream,
    splitter: Splitter,
    /// The position in the FIFO up to which it was read.
    read: u64,
    /// The position behind the last whole line.
    whole: u64,
    /// What is read is taken out at once, and lost with this process: its disk stands still, or the FIFO
    /// cannot be seen whole.
    in_hand: bool,
    /// When the partial line counts as a line.
    pub(crate) silent_at: Option<Instant>,
}

impl Source {
    pub(crate) fn new(fifo: Arc<Fifo>, instance: &InstanceId, stream: Stream) -> Self {
        let (instance, name, splitter) = (instance.clone(), instance.to_string(), Splitter::default());
        Self { fifo, instance, name, stream, splitter, read: 0, whole: 0, in_hand: false, silent_at: None }
    }

    /// Reads what is there, and passes on what it makes whole.
    pub(crate) fn read(&mut self, peek: &mut Peek, queue: &Queue) -> rustix::io::Result<Read> {
        let (fifo, begin) = (Arc::clone(&self.fifo), self.read);
        let takes = self.in_hand || !peek.shows_all(&fifo);
        let mut full = false;
        loop {
            let before = self.read;
            peek.look(&fifo, before, |bytes| {
                self.read += bytes.len() as u64;
                let ends = memchr::memchr_iter(b'\n', bytes).count();
                let expected = if ends == 0 { 0 } else { bytes.len() + ends };
                full = !self.pass_on(queue, expected, ends, |splitter, give| splitter.feed(bytes, give));
                if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if takes {
                self.take_in_hand();
            }
            if !takes || full || self.read == before {
                break;
            }
        }
        self.make_room();
        if self.read > begin {
            self.silent_at = self.splitter.has_partial().then(|| Instant::now() + SILENCE);
        }
        Ok(Read { bytes: usize::try_from(self.read - begin).unwrap_or(usize::MAX), full })
    }

    /// Reads all that is there, whether there is room for it or not.
    pub(crate) fn drain(&mut self, peek: &mut Peek, queue: &Queue) {
        let mut total = 0;
        while total < LAST_WORDS {
            match self.read(peek, queue) {
                Ok(Read { bytes: 0, .. }) | Err(_) => break,
                Ok(read) => total += read.bytes,
            }
        }
        self.flush(queue);
    }

    /// It was not read for a while, which was no silence of its own.
    pub(crate) fn hear_again(&mut self) {
        self.silent_at = self.silent_at.map(|_| Instant::now() + SILENCE);
    }

    /// It was silent: takes what has begun for a whole line, unless there is only no room for the rest of it.
    pub(crate) fn end_silence(&mut self, queue: &Queue) {
        if self.fifo.is_full() {
            self.make_room();
            self.hear_again();
        } else {
            self.flush(queue);
        }
    }

    /// Takes what has begun for a whole line.
    pub(crate) fn flush(&mut self, queue: &Queue) {
        self.silent_at = None;
        if self.splitter.has_partial() {
            self.pass_on(queue, 0, 1, |splitter, give| splitter.flush(give));
        }
    }

    /// Nobody reads it here any more: what has begun is a whole line, unless the next finds its begin too.
    pub(crate) fn leave(&mut self, queue: &Queue) {
        if self.fifo.taken() > self.whole {
            self.flush(queue);
        }
    }

    /// Whether what is read is only in our hands from now on.
    pub(crate) fn keep_in_hand(&mut self, in_hand: bool) {
        self.in_hand = in_hand;
        if in_hand {
            self.take_in_hand();
        }
    }

    /// Empties the FIFO of all that was read.
    pub(crate) fn take_in_hand(&self) {
        self.fifo.take_until(self.read);
    }

    /// If nothing but the begin of a line fills the FIFO, nothing would ever make room for the rest of it.
    fn make_room(&self) {
        if self.splitter.has_partial() && self.fifo.taken() >= self.whole && self.fifo.is_full() {
            self.take_in_hand();
        }
    }

    /// Writes the lines that `split` gives out, each with its prefix, and puts them into the queue. False if
    /// the app is to wait now.
    fn pass_on(
        &mut self,
        queue: &Queue,
        bytes: usize,
        ends: usize,
        split: impl FnOnce(&mut Splitter, &mut dyn FnMut(&[u8])),
    ) -> bool {
        let at = WallTime::from_millis(wall_millis());
        let prefix = prefix(at, &self.name);
        let (mut text, mut lines) = (Vec::with_capacity(bytes + ends * prefix.len()), 0);
        split(&mut self.splitter, &mut |line| {
            text.extend_from_slice(&prefix);
            text.extend_from_slice(line);
            text.push(b'\n');
            lines += 1;
        });
        let end = self.read - self.splitter.partial() as u64;
        if std::mem::replace(&mut self.whole, end) == end {
            return true;
        }
        let app = self.instance.app().clone();
        let origin = Origin { fifo: Arc::clone(&self.fifo), end };
        if lines == 0 {
            // The end of a line that was given out before.
            queue.push(&app, Job::Take(origin));
            return true;
        }
        let batch = Batch { app, stream: self.stream, at, bytes: text, lines, missing: 0, origin };
        let taken = queue.write(batch);
        if taken == Taken::No {
            self.fifo.take_until(end);
        }
        taken != Taken::Last
    }
}
