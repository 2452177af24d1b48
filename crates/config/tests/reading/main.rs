//! What right files are read as.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arbitrary;
mod design;
mod meaning;
mod published;
mod started;
mod tls;
