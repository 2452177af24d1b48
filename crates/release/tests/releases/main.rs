//! Releases on a real file system.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commits;
mod copies;
mod current;
mod fixture;
mod lifetime;
