//! Capturing, as control holds it.

use crate::bell::Bell;
use crate::error::LogError;
use crate::fifo::{Fifo, Sink};
use crate::mailbox::{Command, Mailbox};
use crate::queue::Queue;
use crate::reader::Reader;
use crate::writer::Writer;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::app::LogSpec;
use gapless_model::{AppName, InstanceId};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{oneshot, watch};

/// The reader keeps what is large on the heap.
const STACK: usize = 128 * 1024;

/// The capture of all output. Nothing in it blocks, but for [`Capture::start`] and [`Capture::add`] looking
/// paths up. Dropping it ends it, as [`Capture::finish`] does.
#[derive(Debug)]
pub struct Capture {
    mailbox: Arc<Mailbox>,
    queue: Arc<Queue>,
    written: Arc<watch::Sender<u64>>,
    sink: Arc<Sink>,
}

impl Capture {
    /// Starts its threads. Each app gets a directory of its own below `directory` with its first line.
    pub fn start(directory: &Utf8Path) -> Result<Self, LogError> {
        let sink = Arc::new(Sink::open().map_err(LogError::Start)?);
        let bell = Arc::new(Bell::new().map_err(|errno| LogError::Start(errno.into()))?);
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&bell)));
        let queue = Arc::new(Queue::new(Arc::clone(&bell)));
        let written = Arc::new(watch::Sender::new(0));
        let directory: Utf8PathBuf = directory.to_owned();
        let writer = Writer { directory, queue: Arc::clone(&queue), written: Arc::clone(&written) };
        let reader = Reader::new(bell, Arc::clone(&mailbox), writer.clone())
            .map_err(|errno| LogError::Start(errno.into()))?;
        writer.start().map_err(LogError::Start)?;
        // Without it the writer would wait for ever; but then control does not start at all.
        let thread = std::thread::Builder::new().name("log-reader".into()).stack_size(STACK);
        thread.spawn(move || reader.run()).map_err(LogError::Start)?;
        Ok(Self { mailbox, queue, written, sink })
    }

    /// Captures what `instance` writes to the FIFOs at `out` and `err`, which are made if they are missing
    /// (mode 0600). All instances of an app share its files; the `spec` that came last counts for them.
    ///
    /// Added again (its FIFOs were made anew), it replaces the former. The FIFOs outlive [`Self::remove`],
    /// and deleting them is the caller's affair.
    pub fn add(
        &self,
        instance: &InstanceId,
        spec: &LogSpec,
        out: &Utf8Path,
        err: &Utf8Path,
    ) -> Result<(), LogError> {
        let (out, err) = (Fifo::open(out, &self.sink)?, Fifo::open(err, &self.sink)?);
        self.mailbox.send(Command::Add { instance: instance.clone(), spec: spec.clone(), out, err });
        Ok(())
    }

    /// Takes the last words of an instance and forgets it. Settles when they are in the files, or lost.
    pub fn remove(&self, instance: &InstanceId) -> Settled {
        self.send(|reply| Command::Remove { instance: instance.clone(), reply })
    }

    /// Settles when all that `instance` has written before this call is in the files, or lost: for messages
    /// about its failure. A stuck disk makes it wait for ever, so bound it.
    pub fn caught_up(&self, instance: &InstanceId) -> Settled {
        self.send(|reply| Command::CatchUp { instance: instance.clone(), reply })
    }

    /// Keeps the files of an app by another spec from now on.
    pub fn reconfigure(&self, app: &AppName, spec: &LogSpec) {
        self.mailbox.send(Command::Configure { app: app.clone(), spec: spec.clone() });
    }

    /// What is wrong, for `status`; empty is good. Lines that were dropped are named for a minute after the
    /// last of them.
    pub fn troubles(&self) -> Vec<String> {
        self.queue.troubles()
    }

    /// Changes whenever lines were written, of any app: time to poll a [`Tail`](crate::Tail).
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Ends its threads. Settles when all whole lines that were read are in the files, or lost. What else is in
    /// the FIFOs stays there for the next control.
    pub fn finish(&self) -> Settled {
        self.send(|reply| Command::End { reply })
    }

    fn send(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Settled {
        let (reply, receiver) = oneshot::channel();
        self.mailbox.send(command(reply));
        Settled(receiver)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.send(|reply| Command::End { reply }));
    }
}

/// Something that is under way in the capture.
#[derive(Debug)]
pub struct Settled(oneshot::Receiver<()>);

impl Settled {
    /// Blocks the calling thread until then. Panics within a tokio runtime; there, await it.
    pub fn wait(self) {
        // An error means that the capture has ended, and with it all that was under way.
        let _ = self.0.blocking_recv();
    }
}

impl Future for Settled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}
