//! One FIFO of an instance.

use crate::line::prefix;
use crate::queue::{Batch, Queue, Stream};
use crate::splitter::Splitter;
use gapless_model::{InstanceId, WallTime};
use gapless_sys::clock::wall_millis;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
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
    pub(crate) fifo: OwnedFd,
    pub(crate) instance: InstanceId,
    name: String,
    stream: Stream,
    splitter: Splitter,
    /// When the partial line counts as a line.
    pub(crate) silent_at: Option<Instant>,
}

impl Source {
    pub(crate) fn new(fifo: OwnedFd, instance: &InstanceId, stream: Stream) -> Self {
        let (instance, name) = (instance.clone(), instance.to_string());
        Self { fifo, instance, name, stream, splitter: Splitter::default(), silent_at: None }
    }

    /// Reads once, and passes on what it makes whole.
    pub(crate) fn read(&mut self, buffer: &mut [u8], queue: &Queue) -> rustix::io::Result<Read> {
        let read = match rustix::io::read(&self.fifo, &mut *buffer) {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Read { bytes: 0, full: false }),
            Err(error) => return Err(error),
        };
        let bytes = &buffer[..read];
        let ends = memchr::memchr_iter(b'\n', bytes).count();
        let expected = if ends == 0 { 0 } else { read + ends };
        let room = self.pass_on(queue, expected, ends, |splitter, give| splitter.feed(bytes, give));
        self.silent_at = self.splitter.has_partial().then(|| Instant::now() + SILENCE);
        Ok(Read { bytes: read, full: !room })
    }

    /// Reads all that is there, whether there is room for it or not.
    pub(crate) fn drain(&mut self, buffer: &mut [u8], queue: &Queue) {
        let mut total = 0;
        while total < LAST_WORDS {
            match self.read(buffer, queue) {
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

    /// Takes what has begun for a whole line.
    pub(crate) fn flush(&mut self, queue: &Queue) {
        self.silent_at = None;
        if self.splitter.has_partial() {
            self.pass_on(queue, 0, 1, |splitter, give| splitter.flush(give));
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
        if lines == 0 {
            return true;
        }
        let app = self.instance.app().clone();
        queue.write(Batch { app, stream: self.stream, at, bytes: text, lines, missing: 0 })
    }
}
