//! A thread that writes files. There is one, and another only while that one stands still before a disk that
//! is stuck: what one app's file does is no other app's affair.

use crate::files::{Files, lines};
use crate::queue::{Batch, Job, Queue, Turn};
use camino::Utf8PathBuf;
use gapless_sys::memory;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// It keeps what is large on the heap.
const STACK: usize = 128 * 1024;

/// Writes what is in the queue. It may wait for a disk as long as the disk likes.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    /// Where each app has its directory.
    pub(crate) directory: Utf8PathBuf,
    pub(crate) queue: Arc<Queue>,
    /// Changes with each write, for those who follow.
    pub(crate) written: Arc<watch::Sender<u64>>,
}

impl Writer {
    /// Starts a thread, which ends when it is not needed any longer.
    pub(crate) fn start(self) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("log-writer".into()).stack_size(STACK);
        thread.spawn(move || self.run()).map(drop)
    }

    fn run(&self) {
        while let Some(Turn { app, files, job }) = self.queue.take() {
            let mut bytes = 0;
            let files = match job {
                Job::Write(batch) => {
                    bytes = batch.size();
                    let files = self.write(files, &batch);
                    batch.origin.done();
                    files
                }
                Job::Take(origin) => {
                    origin.done();
                    files
                }
                Job::Configure(spec) => match files {
                    Some(mut files) => {
                        files.configure(spec);
                        Some(files)
                    }
                    None => Some(Files::new(&self.directory.join(app.as_str()), spec)),
                },
                Job::Close => None,
                Job::Tell(reply) => {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(());
                    files
                }
            };
            if self.queue.done(app, files, bytes) {
                memory::give_back();
            }
        }
    }

    fn write(&self, files: Option<Files>, batch: &Batch) -> Option<Files> {
        // The reader configures an app before its first line and closes it after its last.
        let mut files = files?;
        let appended = files.write(batch, || self.queue.moved(&batch.app));
        self.queue.note(|troubles| {
            troubles.rotation(&batch.app, appended.unrotated.as_ref().map(in_words));
            if let Some(failure) = &appended.failure {
                troubles.dropped(&batch.app, lines(&batch.bytes[appended.bytes..]), &in_words(failure));
            }
        });
        if self.written.receiver_count() > 0 {
            self.written.send_modify(|count| *count = count.wrapping_add(1));
        }
        Some(files)
    }
}

/// What the system says, without the number that only programs read.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}
