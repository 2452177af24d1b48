//! The proxy's own words: handed to a thread that writes them, so that a disk (or a pipe) that takes no more
//! holds up no request. What does not fit is dropped.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Words that wait for the disk at most.
const QUEUE: usize = 1024;

/// How long the end of the process waits for the last words.
const LAST: Duration = Duration::from_millis(500);

enum Item {
    Line(Vec<u8>),
    /// All before this is written when the answer comes.
    Flush(SyncSender<()>),
}

/// Takes words.
#[derive(Clone)]
pub(crate) struct OwnLog(SyncSender<Item>);

impl OwnLog {
    /// Writes to the file at `path`, or to stderr, whatever the process says from here on.
    ///
    /// # Errors
    /// Those of `open(2)` and of starting a thread.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let to: Box<dyn Write + Send> = match path {
            None => Box::new(io::stderr()),
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?),
        };
        let (sender, receiver) = sync_channel(QUEUE);
        let write = move || write_all(&receiver, to);
        std::thread::Builder::new().name("log".to_owned()).stack_size(128 * 1024).spawn(write)?;
        let log = Self(sender);
        let writer = log.clone();
        // An error means that whoever runs us has set it up already.
        let _ = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).try_init();
        Ok(log)
    }

    /// Waits a moment until all is written.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.0.try_send(Item::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(LAST);
        }
    }
}

impl Write for OwnLog {
    /// One whole line, as the subscriber calls it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.try_send(Item::Line(line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(items: &Receiver<Item>, mut to: Box<dyn Write + Send>) {
    for item in items {
        match item {
            // Nobody is left who could be told that it failed.
            Item::Line(line) => drop(to.write_all(&line)),
            Item::Flush(done) => drop(done.send(())),
        }
    }
}
