//! Instances as real processes: shells, and this very test program run again as an app (`app.rs`).

#![expect(clippy::unwrap_used, reason = "tests")]

mod adopting;
mod app;
mod failing;
mod healing;
mod limits;
mod readiness;
mod stage;
mod starting;
mod stopping;
