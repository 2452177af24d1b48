//! What each command does to what runs, and what it leaves alone. Where a command moves traffic, it is tried
//! under load, and nothing is lost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its hands as well")]

mod deploy;
mod rollouts;
mod running;
mod scripts;
mod stage;
mod up;
