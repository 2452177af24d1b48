//! One line for each request, as JSON. Workers collect lines and pass them on in blocks; a thread of its
//! own writes them. When that cannot keep up (a stuck disk), lines are dropped and counted; no request waits.

use crate::backend::Backend;
use crate::record::{Asked, Record};
use camino::Utf8PathBuf;
use gapless_logs::LogFile;
use gapless_model::WallTime;
use gapless_model::app::LogSpec;
use jiff::Timestamp;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// A block is passed on when it has this many bytes …
const BLOCK: usize = 32 * 1024;

/// … or this long after its first line.
const DELAY: Duration = Duration::from_millis(100);

/// Blocks that wait for the disk at most, over all workers.
const QUEUE: usize = 128;

/// The file is rotated by size alone, and its last three predecessors are kept.
const KEPT: LogSpec = LogSpec { max_size: 64 * 1024 * 1024, max_age: Duration::MAX, keep: 3 };

/// Lines, ready to be written.
pub(crate) struct Block {
    lines: Vec<u8>,
    /// Lines dropped before these.
    dropped: u64,
}

/// The thread that writes.
#[derive(Debug, Clone)]
pub(crate) struct AccessLogWriter(SyncSender<Block>);

impl AccessLogWriter {
    /// Starts it. The file is opened with the first line. The thread ends when all its lines are written and
    /// all who could write more are gone.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub(crate) fn start(path: Utf8PathBuf) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || write_all(&receiver, LogFile::new(path)))?;
        Ok((Self(sender), thread))
    }
}

fn write_all(blocks: &Receiver<Block>, mut file: LogFile) {
    for block in blocks {
        if block.dropped > 0 {
            tracing::warn!(lines = block.dropped, "access log lines were dropped: the disk is too slow");
        }
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        let appended = file.append(&block.lines, WallTime::from_millis(now), &KEPT);
        if let Some(error) = appended.failure {
            tracing::warn!(path = %file.path(), %error, "cannot write the access log");
        }
        if let Some(error) = appended.unrotated {
            tracing::warn!(path = %file.path(), %error, "cannot rotate the access log");
        }
    }
}

/// One worker's lines.
pub(crate) struct AccessLog {
    on: Cell<bool>,
    lines: RefCell<Vec<u8>>,
    count: Cell<u64>,
    dropped: Cell<u64>,
    begun: Notify,
    writer: AccessLogWriter,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: std::net::SocketAddr,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    status: u16,
    bytes: u64,
    ms: f64,
    app: Option<&'a str>,
    release: Option<String>,
    instance: Option<String>,
    id: &'a str,
    tries: u32,
    held_ms: u64,
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.pass_on();
    }
}

impl AccessLog {
    /// No lines yet.
    pub(crate) fn new(writer: AccessLogWriter) -> Self {
        Self {
            on: Cell::new(false),
            lines: RefCell::default(),
            count: Cell::new(0),
            dropped: Cell::new(0),
            begun: Notify::new(),
            writer,
        }
    }

    /// Whether requests are logged.
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    /// From here on requests are logged, or are not.
    pub(crate) fn turn(&self, on: bool) {
        self.on.set(on);
    }

    /// Adds a line.
    pub(crate) fn write(
        &self,
        record: &Record,
        asked: &Asked,
        status: u16,
        took: Duration,
        backend: Option<&Backend>,
    ) {
        let line = Line {
            time: format!("{:.3}", Timestamp::now()),
            client: record.client.peer,
            method: asked.method.as_str(),
            host: asked.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
            path: asked.uri.path_and_query().map_or("/", |path| path.as_str()),
            status,
            bytes: record.bytes,
            ms: (took.as_secs_f64() * 1e6).round() / 1e3,
            app: record.app.as_ref().map(|app| app.name.as_str()),
            release: backend.map(|backend| backend.release.to_string()),
            instance: backend.map(|backend| backend.instance.to_string()),
            id: record.id.to_str().unwrap_or_default(),
            tries: record.tries,
            held_ms: u64::try_from(record.held.as_millis()).unwrap_or(u64::MAX),
        };
        let mut lines = self.lines.borrow_mut();
        if lines.is_empty() {
            self.begun.notify_one();
        }
        if serde_json::to_writer(&mut *lines, &line).is_ok() {
            lines.push(b'\n');
            self.count.set(self.count.get() + 1);
        }
        if lines.len() >= BLOCK {
            drop(lines);
            self.pass_on();
        }
    }

    /// Passes on what is left of a block after a moment. Never ends.
    pub(crate) async fn flush_forever(&self) {
        loop {
            self.begun.notified().await;
            sleep(DELAY).await;
            self.pass_on();
        }
    }

    fn pass_on(&self) {
        let lines = self.lines.take();
        if lines.is_empty() {
            return;
        }
        let count = self.count.take();
        let dropped = self.dropped.take();
        match self.writer.0.try_send(Block { lines, dropped }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.dropped.set(dropped + count),
        }
    }
}
