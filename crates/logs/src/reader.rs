//! The thread that reads what instances write. It never touches a disk. Where an app writes faster than its
//! disk does, its FIFOs are left full for a while, and the app waits as it would for a slow terminal.

use crate::bell::Bell;
use crate::fifo::Fifo;
use crate::mailbox::{Command, Mailbox};
use crate::peek::{PIECE, Peek};
use crate::queue::{Job, Queue, Stream};
use crate::source::Source;
use crate::writer::Writer;
use gapless_model::{AppName, InstanceId};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When little came, more is let gather for this long before it is looked for again: an app that writes
/// line by line would otherwise cost a wake-up of two threads per line.
const GATHER: Duration = Duration::from_millis(1);

/// A FIFO is looked at when something comes into it, and not for what stays there. Pipes tell of each write, but for
/// Linux 5.5 to 5.13 without its stable updates (3a34b13a88ca).
const WHEN_WRITTEN: epoll::EventFlags = epoll::EventFlags::IN.union(epoll::EventFlags::ET);

/// The bell's key in epoll; sources count from 1.
const BELL: u64 = 0;

/// The thread's own.
pub(crate) struct Reader {
    epoll: OwnedFd,
    bell: Arc<Bell>,
    mailbox: Arc<Mailbox>,
    queue: Arc<Queue>,
    /// How to start another.
    writer: Writer,
    sources: BTreeMap<u64, Source>,
    last_key: u64,
    /// Apps that wait for room: their FIFOs are not read.
    held: BTreeSet<AppName>,
    /// What was asked about them meanwhile.
    deferred: VecDeque<Command>,
    /// Apps whose disk stands still: what is read of them is taken in hand.
    still: BTreeSet<AppName>,
    peek: Peek,
}

impl Reader {
    pub(crate) fn new(bell: Arc<Bell>, mailbox: Arc<Mailbox>, writer: Writer) -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &*bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            bell,
            mailbox,
            queue: Arc::clone(&writer.queue),
            writer,
            sources: BTreeMap::new(),
            last_key: BELL,
            held: BTreeSet::new(),
            deferred: VecDeque::new(),
            still: BTreeSet::new(),
            peek: Peek::new()?,
        })
    }

    /// Runs until it is told to end.
    pub(crate) fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            let again = self.look();
            self.go_on();
            let patience = self.patience(again);
            match epoll::wait(&self.epoll, spare_capacity(&mut events), patience.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                // The arguments are ours, nothing else can be wrong; better deaf than spinning.
                Err(_) => return,
            }
            let keys = events.iter().map(|event| event.data.u64());
            let (bells, keys): (Vec<u64>, Vec<u64>) = keys.partition(|key| *key == BELL);
            if !bells.is_empty() {
                self.bell.hear();
            }
            // First, so that they count for what is written after they were given.
            if !bells.is_empty() && self.obey_all().is_break() {
                return;
            }
            let read: usize = keys.into_iter().map(|key| self.read(key)).sum();
            self.flush_silent();
            if (1..PIECE).contains(&read) {
                std::thread::sleep(GATHER);
            }
        }
    }

    /// Looks after the writers: starts another if those that there are stand still. Gives after how long to
    /// look again, if ever.
    fn look(&mut self) -> Option<Duration> {
        let look = self.queue.look();
        if !(look.still.is_empty() && self.still.is_empty()) {
            self.still = look.still;
            for source in self.sources.values_mut() {
                source.keep_in_hand(self.still.contains(source.instance.app()));
            }
        }
        if look.wants_writer && self.writer.clone().start().is_err() {
            // The next look finds it wanted again.
            self.queue.no_writer();
        }
        look.again
    }

    /// Looks after the writers until each line is in the hands of one.
    fn see_written(&mut self) {
        while let Some(again) = self.look() {
            std::thread::sleep(again);
        }
    }

    /// How long nothing needs to be done unasked.
    fn patience(&self, again: Option<Duration>) -> Option<Timespec> {
        let silent = self.sources.values().filter(|source| !self.held.contains(source.instance.app()));
        let first = silent.filter_map(|source| source.silent_at).min();
        // A whole millisecond more, so that it is past when we wake.
        let silence = first.map(|at| at.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let left = silence.into_iter().chain(again).min()?;
        Timespec::try_from(left).ok()
    }

    fn flush_silent(&mut self) {
        let now = Instant::now();
        for source in self.sources.values_mut() {
            // The rest of a line may be in a FIFO that is not read.
            let held = self.held.contains(source.instance.app());
            if !held && source.silent_at.is_some_and(|at| at <= now) {
                source.end_silence(&self.queue);
            }
        }
    }

    fn read(&mut self, key: u64) -> usize {
        let Some(source) = self.sources.get_mut(&key) else { return 0 };
        if self.held.contains(source.instance.app()) {
            return 0;
        }
        let Ok(read) = source.read(&mut self.peek, &self.queue) else {
            // A FIFO does not fail. One that did would be ready for ever, and cost a core.
            self.sources.remove(&key);
            return 0;
        };
        if read.full {
            let app = source.instance.app().clone();
            self.listen_to(&app, false);
            self.held.insert(app);
        }
        read.bytes
    }

    /// Reads an app's FIFOs again, or no longer.
    fn listen_to(&self, app: &AppName, read: bool) {
        let flags = if read { WHEN_WRITTEN } else { epoll::EventFlags::empty() };
        for (key, source) in self.sources.iter().filter(|(_, source)| source.instance.app() == app) {
            // What is in epoll can be changed there.
            let _ = epoll::modify(&self.epoll, &source.fifo, epoll::EventData::new_u64(*key), flags);
        }
    }

    /// Goes on with the apps that have room again, or whose lines are dropped from here on.
    fn go_on(&mut self) {
        let queue = &self.queue;
        let ready: Vec<AppName> = self.held.extract_if(.., |app| !queue.is_full(app)).collect();
        for app in ready {
            self.listen_to(&app, true);
            for source in self.sources.values_mut().filter(|source| *source.instance.app() == app) {
                source.hear_again();
            }
            for _ in 0..self.deferred.len() {
                let Some(command) = self.deferred.pop_front() else { break };
                if command.app() == Some(&app) {
                    self.obey(command);
                } else {
                    self.deferred.push_back(command);
                }
            }
        }
    }

    fn obey_all(&mut self) -> ControlFlow<()> {
        for command in self.mailbox.take() {
            match command {
                Command::End { reply } => {
                    while let Some(command) = self.deferred.pop_front() {
                        self.obey(command);
                    }
                    for source in self.sources.values_mut() {
                        source.leave(&self.queue);
                    }
                    self.queue.end(reply);
                    self.see_written();
                    return ControlFlow::Break(());
                }
                // There is no room for what it would read, which must not be dropped for that.
                command if command.app().is_some_and(|app| self.held.contains(app)) => {
                    self.deferred.push_back(command);
                }
                command => self.obey(command),
            }
        }
        ControlFlow::Continue(())
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add { instance, spec, out, err } => {
                self.drain(&instance);
                // The FIFOs may be the same, and nobody else is to take out of them.
                self.sources
                    .values()
                    .filter(|source| source.instance == instance)
                    .for_each(Source::take_in_hand);
                self.forget(&instance);
                self.queue.push(instance.app(), Job::Configure(spec));
                self.add(&instance, Stream::Out, out);
                self.add(&instance, Stream::Err, err);
            }
            Command::Configure { app, spec } => {
                if self.has(&app) {
                    self.queue.push(&app, Job::Configure(spec));
                }
            }
            Command::Remove { instance, reply } => {
                self.drain(&instance);
                self.forget(&instance);
                self.queue.push(instance.app(), Job::Tell(reply));
                if !self.has(instance.app()) {
                    self.queue.push(instance.app(), Job::Close);
                }
            }
            Command::CatchUp { instance, reply } => {
                self.drain(&instance);
                self.queue.push(instance.app(), Job::Tell(reply));
            }
            // Of all, and so not of this one.
            Command::End { .. } => {}
        }
    }

    fn has(&self, app: &AppName) -> bool {
        self.sources.values().any(|source| source.instance.app() == app)
    }

    fn add(&mut self, instance: &InstanceId, stream: Stream, fifo: Fifo) {
        self.last_key += 1;
        let data = epoll::EventData::new_u64(self.last_key);
        // It fails for want of memory or of watches (max_user_watches) only; then its output stays unread.
        if epoll::add(&self.epoll, &fifo, data, WHEN_WRITTEN).is_ok() {
            self.sources.insert(self.last_key, Source::new(Arc::new(fifo), instance, stream));
        }
    }

    fn drain(&mut self, instance: &InstanceId) {
        for source in self.sources.values_mut().filter(|source| source.instance == *instance) {
            source.drain(&mut self.peek, &self.queue);
        }
    }

    fn forget(&mut self, instance: &InstanceId) {
        // Closed descriptors leave epoll by themselves.
        self.sources.retain(|_, source| source.instance != *instance);
    }
}
