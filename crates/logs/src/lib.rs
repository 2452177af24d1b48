//! The output of instances: captured, rotated, read back.
//!
//! Control calls it, and the proxy for its access log. Each instance writes to two FIFOs, `run/<instance>.out` and
//! `.err`, which it holds open for reading and writing, so that it never gets EPIPE whoever of us dies. [`Capture`]
//! reads them and writes `logs/<app>/out.log` and `err.log`: the lines of all instances of an app, in order of
//! arrival, as
//!
//! ```text
//! 2026-11-21T08:33:00.123Z api-3 the bytes of the line as they were
//! ```
//!
//! Two threads: the reader looks at what comes and never touches a disk; the writer writes the files, and takes out
//! of the FIFOs what is in them. So a control that is killed has nothing in hand that the next would not find: no
//! line is lost, and at worst the last ones are written twice. Between the two a queue for each app, bounded in bytes.
//! Where a disk stands still for half a second, lines are taken in hand, that the app can go on. An app that writes
//! faster than its disk waits, as it would for a slow terminal. A disk that takes no byte for three seconds, or says
//! that it is full, costs lines instead: they are dropped, counted ([`Capture::troubles`]) and said to be missing
//! where they would stand. What one app's file does is no other app's affair: while a writer stands still, another
//! does the rest.
//!
//! [`Tail`] reads the files back, across rotations, for `gapless logs` and for the messages about failures.
//!
//! [`LogFile`] is one such file for whoever writes it: the proxy's access log is one as well, and is rotated by
//! the same rules under the same names.
//!
//! It never interprets what an app says, and never decides whether an instance lives.

mod bell;
mod capture;
mod cursor;
mod error;
mod fifo;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod generations;
mod lane;
mod line;
mod log_file;
mod mailbox;
mod peek;
mod queue;
mod reader;
mod source;
mod splitter;
mod stamp;
mod tail;
mod troubles;
mod writer;

pub use capture::{Capture, Settled};
pub use error::LogError;
pub use line::Line;
pub use log_file::{Appended, LogFile};
pub use tail::{Selection, Tail};
