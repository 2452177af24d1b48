//! What the tests and the benchmarks need beside Rust, installed where that is possible.

pub(crate) mod debian;
pub(crate) mod npm;
