//! The thread that reads what instances write. It never touches a disk, so no app ever waits for one.

use crate::line::prefix;
use crate::queue::{Batch, Job, Queue, Stream};
use crate::splitter::Splitter;
use gapless_model::app::LogSpec;
use gapless_model::{AppName, InstanceId, WallTime};
use gapless_sys::clock::wall_millis;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A line that has not ended is taken for one after this much silence: a prompt, or the last words of a
/// process that died in the middle of them. The rest of it, if it comes, is another line.
const SILENCE: Duration = Duration::from_millis(200);

/// So much is read at once.
const READ: usize = 32 * 1024;

/// When little came, more is let gather for this long before it is looked for again: an app that writes
/// line by line would otherwise cost a wake-up of two threads per line.
const GATHER: Duration = Duration::from_millis(1);

/// An instance that goes on writing while its last words are read is left after this much: more than fits
/// into a FIFO.
const LAST_WORDS: usize = 1024 * 1024;

/// The mailbox's key in epoll; sources count from 1.
const BELL: u64 = 0;

/// What the reader is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Add {
        instance: InstanceId,
        spec: LogSpec,
        out: OwnedFd,
        err: OwnedFd,
    },
    Configure {
        app: AppName,
        spec: LogSpec,
    },
    /// Read what is left and forget it.
    Remove {
        instance: InstanceId,
        reply: oneshot::Sender<()>,
    },
    /// Read all that it has written by now.
    CatchUp {
        instance: InstanceId,
        reply: oneshot::Sender<()>,
    },
    End {
        reply: oneshot::Sender<()>,
    },
}

/// How the reader is reached.
#[derive(Debug)]
pub(crate) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    bell: OwnedFd,
}

impl Mailbox {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        use rustix::event::EventfdFlags;
        let bell = rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { commands: Mutex::default(), bell })
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        // It can only fail when the counter is full, and then the bell rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn take(&self) -> Vec<Command> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One FIFO.
#[derive(Debug)]
struct Source {
    fifo: OwnedFd,
    instance: InstanceId,
    name: String,
    stream: Stream,
    splitter: Splitter,
    /// When the partial line counts as a line.
    silent_at: Option<Instant>,
}

impl Source {
    /// Reads once, and passes on what it makes whole. Gives the number of bytes, 0 when there are none.
    fn read(&mut self, buffer: &mut [u8], queue: &Queue) -> rustix::io::Result<usize> {
        let read = match rustix::io::read(&self.fifo, &mut *buffer) {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(0),
            Err(error) => return Err(error),
        };
        let bytes = &buffer[..read];
        let ends = memchr::memchr_iter(b'\n', bytes).count();
        let expected = if ends == 0 { 0 } else { read + ends };
        self.pass_on(queue, expected, ends, |splitter, give| splitter.feed(bytes, give));
        self.silent_at = self.splitter.has_partial().then(|| Instant::now() + SILENCE);
        Ok(read)
    }

    /// Reads all that is there.
    fn drain(&mut self, buffer: &mut [u8], queue: &Queue) {
        let mut total = 0;
        while total < LAST_WORDS {
            match self.read(buffer, queue) {
                Ok(0) | Err(_) => break,
                Ok(read) => total += read,
            }
        }
        self.flush(queue);
    }

    fn flush(&mut self, queue: &Queue) {
        self.silent_at = None;
        if self.splitter.has_partial() {
            self.pass_on(queue, 0, 1, |splitter, give| splitter.flush(give));
        }
    }

    /// Writes the lines that `split` gives out, each with its prefix, and puts them into the queue.
    fn pass_on(
        &mut self,
        queue: &Queue,
        bytes: usize,
        ends: usize,
        split: impl FnOnce(&mut Splitter, &mut dyn FnMut(&[u8])),
    ) {
        let at = WallTime::from_millis(wall_millis());
        let prefix = prefix(at, &self.name);
        let (mut text, mut lines) = (Vec::with_capacity(bytes + ends * prefix.len()), 0);
        split(&mut self.splitter, &mut |line| {
            text.extend_from_slice(&prefix);
            text.extend_from_slice(line);
            text.push(b'\n');
            lines += 1;
        });
        if lines > 0 {
            let app = self.instance.app().clone();
            queue.write(Batch { app, stream: self.stream, at, bytes: text, lines });
        }
    }
}

/// The thread's own.
pub(crate) struct Reader {
    epoll: OwnedFd,
    mailbox: Arc<Mailbox>,
    queue: Arc<Queue>,
    sources: BTreeMap<u64, Source>,
    last_key: u64,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(mailbox: Arc<Mailbox>, queue: Arc<Queue>) -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &mailbox.bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        Ok(Self { epoll, mailbox, queue, sources: BTreeMap::new(), last_key: BELL, buffer: vec![0; READ] })
    }

    /// Runs until it is told to end.
    pub(crate) fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), self.until_silence().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                // The arguments are ours, nothing else can be wrong; better deaf than spinning.
                Err(_) => return,
            }
            let keys = events.iter().map(|event| event.data.u64());
            let (bells, keys): (Vec<u64>, Vec<u64>) = keys.partition(|key| *key == BELL);
            // First, so that they count for what is written after they were given.
            if !bells.is_empty() {
                for command in self.mailbox.take() {
                    if self.obey(command).is_break() {
                        return;
                    }
                }
            }
            let read: usize = keys.into_iter().map(|key| self.read(key)).sum();
            self.flush_silent();
            if (1..READ).contains(&read) {
                std::thread::sleep(GATHER);
            }
        }
    }

    fn until_silence(&self) -> Option<Timespec> {
        let first = self.sources.values().filter_map(|source| source.silent_at).min()?;
        let left = first.saturating_duration_since(Instant::now());
        // A whole millisecond more, so that it is past when we wake.
        Timespec::try_from(left + Duration::from_millis(1)).ok()
    }

    fn flush_silent(&mut self) {
        let now = Instant::now();
        for source in self.sources.values_mut() {
            if source.silent_at.is_some_and(|at| at <= now) {
                source.flush(&self.queue);
            }
        }
    }

    fn read(&mut self, key: u64) -> usize {
        let Some(source) = self.sources.get_mut(&key) else { return 0 };
        source.read(&mut self.buffer, &self.queue).unwrap_or_else(|_| {
            // A FIFO does not fail. One that did would be ready for ever, and cost a core.
            self.sources.remove(&key);
            0
        })
    }

    fn obey(&mut self, command: Command) -> std::ops::ControlFlow<()> {
        match command {
            Command::Add { instance, spec, out, err } => {
                self.forget(&instance);
                self.queue.push(Job::Configure(instance.app().clone(), spec));
                self.add(&instance, Stream::Out, out);
                self.add(&instance, Stream::Err, err);
            }
            Command::Configure { app, spec } => {
                if self.has(&app) {
                    self.queue.push(Job::Configure(app, spec));
                }
            }
            Command::Remove { instance, reply } => {
                self.forget(&instance);
                if !self.has(instance.app()) {
                    self.queue.push(Job::Close(instance.app().clone()));
                }
                self.queue.push(Job::Tell(reply));
            }
            Command::CatchUp { instance, reply } => {
                self.drain(&instance);
                self.queue.push(Job::Tell(reply));
            }
            Command::End { reply } => {
                for source in self.sources.values_mut() {
                    source.flush(&self.queue);
                }
                self.queue.push(Job::Tell(reply));
                self.queue.push(Job::End);
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn has(&self, app: &AppName) -> bool {
        self.sources.values().any(|source| source.instance.app() == app)
    }

    fn add(&mut self, instance: &InstanceId, stream: Stream, fifo: OwnedFd) {
        self.last_key += 1;
        let data = epoll::EventData::new_u64(self.last_key);
        // It fails for want of memory or of watches (max_user_watches) only; then its output stays unread.
        if epoll::add(&self.epoll, fifo.as_fd(), data, epoll::EventFlags::IN).is_ok() {
            let (instance, name) = (instance.clone(), instance.to_string());
            let splitter = Splitter::default();
            let source = Source { fifo, instance, name, stream, splitter, silent_at: None };
            self.sources.insert(self.last_key, source);
        }
    }

    fn drain(&mut self, instance: &InstanceId) {
        for source in self.sources.values_mut().filter(|source| source.instance == *instance) {
            source.drain(&mut self.buffer, &self.queue);
        }
    }

    fn forget(&mut self, instance: &InstanceId) {
        self.drain(instance);
        // Closed descriptors leave epoll by themselves.
        self.sources.retain(|_, source| source.instance != *instance);
    }
}
