//! The lines of one worker.

use super::asked::Asked;
use super::writer::{AccessLogWriter, Block};
use super::{combined, json};
use crate::backend::Backend;
use crate::record::Record;
use gapless_model::AccessLog as Format;
use http::request::Parts;
use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// A block is passed on when it has this many bytes …
const BLOCK: usize = 32 * 1024;

/// … or this long after its first line.
const DELAY: Duration = Duration::from_millis(100);

/// A request that has ended.
pub(super) struct Entry<'a> {
    pub(super) record: &'a Record,
    pub(super) asked: &'a Asked,
    /// As the client has seen it.
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) backend: Option<&'a Backend>,
    /// When it ended.
    pub(super) at: Timestamp,
}

/// One worker's lines.
pub(crate) struct AccessLog {
    format: Cell<Format>,
    lines: RefCell<Vec<u8>>,
    count: Cell<u64>,
    dropped: Cell<u64>,
    begun: Notify,
    writer: AccessLogWriter,
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
            format: Cell::new(Format::Off),
            lines: RefCell::default(),
            count: Cell::new(0),
            dropped: Cell::new(0),
            begun: Notify::new(),
            writer,
        }
    }

    /// What is to be kept of a request's head, if requests are logged.
    pub(crate) fn ask(&self, head: &Parts) -> Option<Box<Asked>> {
        let format = self.format.get();
        (format != Format::Off).then(|| Box::new(Asked::of(head, format)))
    }

    /// From here on requests are logged like this.
    pub(crate) fn turn(&self, to: Format) {
        self.format.set(to);
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
        let mut lines = self.lines.borrow_mut();
        if lines.is_empty() {
            self.begun.notify_one();
        }
        let entry = Entry { record, asked, status, took, backend, at: Timestamp::now() };
        match &asked.visitor {
            None => json::write(&entry, &mut lines),
            Some(visitor) => combined::write(&entry, visitor, &mut lines),
        }
        self.count.set(self.count.get() + 1);
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
