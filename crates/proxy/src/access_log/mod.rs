//! One line for each request. Workers collect lines and pass them on in blocks; a thread of its own writes them.
//! When that cannot keep up (a stuck disk), lines are dropped and counted; no request waits.

mod asked;
mod combined;
mod json;
mod lines;
mod writer;

pub(crate) use asked::Asked;
pub(crate) use lines::AccessLog;
pub(crate) use writer::AccessLogWriter;
