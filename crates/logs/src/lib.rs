//! The output of instances: captured, rotated, read back.
//!
//! Control calls it. Each instance writes to two FIFOs, `run/<instance>.out` and `.err`, which it holds open
//! for reading and writing, so that it never gets EPIPE whoever of us dies. [`Capture`] reads them and
//! writes `logs/<app>/out.log` and `err.log`: the lines of all instances of an app, in order of arrival, as
//!
//! ```text
//! 2026-11-21T08:33:00.123Z api-3 the bytes of the line as they were
//! ```
//!
//! Two threads: the reader takes what comes and never touches a disk; the writer owns the files. Between
//! them a queue bounded in bytes. When the disk is stuck or full, lines are dropped and counted
//! ([`Capture::troubles`]), and no app ever waits for a disk.
//!
//! [`Tail`] reads the files back, across rotations, for `gapless logs` and for the messages about failures.
//!
//! It never interprets what an app says, and never decides whether an instance lives.

mod capture;
mod cursor;
mod error;
mod fifo;
mod generations;
mod line;
mod log_file;
mod queue;
mod reader;
mod splitter;
mod stamp;
mod tail;
mod troubles;
mod writer;

pub use capture::{Capture, Settled};
pub use error::LogError;
pub use line::Line;
pub use tail::{Selection, Tail};
