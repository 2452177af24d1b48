//! The thread that writes.

use camino::Utf8PathBuf;
use gapless_logs::LogFile;
use gapless_model::WallTime;
use gapless_model::app::LogSpec;
use jiff::Timestamp;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Blocks that wait for the disk at most, over all workers.
const QUEUE: usize = 128;

/// The file is rotated by size alone, and its last three predecessors are kept.
const KEPT: LogSpec = LogSpec { max_size: 64 * 1024 * 1024, max_age: Duration::MAX, keep: 3 };

/// Lines, ready to be written.
pub(super) struct Block {
    pub(super) lines: Vec<u8>,
    /// Lines dropped before these.
    pub(super) dropped: u64,
}

/// The thread that writes.
#[derive(Debug, Clone)]
pub(crate) struct AccessLogWriter(pub(super) SyncSender<Block>);

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
