//! The thread that owns the files.

use crate::log_file::LogFile;
use crate::queue::{Batch, Job, Queue, Stream};
use camino::Utf8PathBuf;
use gapless_model::AppName;
use gapless_model::app::LogSpec;
use gapless_sys::memory;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// Writes what is in the queue. It may wait for a disk as long as the disk likes.
pub(crate) struct Writer {
    /// Where each app has its directory.
    directory: Utf8PathBuf,
    queue: Arc<Queue>,
    /// Changes with each write, for those who follow.
    written: Arc<watch::Sender<u64>>,
    apps: BTreeMap<AppName, Files>,
}

#[derive(Debug)]
struct Files {
    spec: LogSpec,
    out: LogFile,
    err: LogFile,
}

impl Writer {
    pub(crate) const fn new(
        directory: Utf8PathBuf,
        queue: Arc<Queue>,
        written: Arc<watch::Sender<u64>>,
    ) -> Self {
        Self { directory, queue, written, apps: BTreeMap::new() }
    }

    /// Runs until it is told to end.
    pub(crate) fn run(mut self) {
        loop {
            match self.queue.pop() {
                Job::Write(batch) => {
                    self.write(&batch);
                    if self.queue.done(batch) {
                        memory::give_back();
                    }
                    if self.written.receiver_count() > 0 {
                        self.written.send_modify(|count| *count = count.wrapping_add(1));
                    }
                }
                Job::Configure(app, spec) => self.configure(app, spec),
                Job::Close(app) => drop(self.apps.remove(&app)),
                // Whoever asked may have stopped waiting.
                Job::Tell(reply) => drop(reply.send(())),
                Job::End => return,
            }
        }
    }

    fn configure(&mut self, app: AppName, spec: LogSpec) {
        if let Some(files) = self.apps.get_mut(&app) {
            files.spec = spec;
            return;
        }
        let directory = self.directory.join(app.as_str());
        let (out, err) = (directory.join("out.log"), directory.join("err.log"));
        self.apps.insert(app, Files { spec, out: LogFile::new(out), err: LogFile::new(err) });
    }

    fn write(&mut self, batch: &Batch) {
        // The reader configures an app before its first line and closes it after its last.
        let Some(files) = self.apps.get_mut(&batch.app) else { return };
        let file = match batch.stream {
            Stream::Out => &mut files.out,
            Stream::Err => &mut files.err,
        };
        let appended = file.append(&batch.bytes, batch.at, &files.spec);
        self.queue.note(|troubles| {
            troubles.rotation(&batch.app, appended.unrotated.as_ref().map(in_words));
            if let Some(failure) = &appended.failure {
                let lost = memchr::memchr_iter(b'\n', &batch.bytes[appended.bytes..]).count();
                troubles.dropped(&batch.app, lost as u64, &in_words(failure));
            }
        });
    }
}

/// What the system says, without the number that only programs read.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}
