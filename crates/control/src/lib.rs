//! Control: decides, and lets be done.
//!
//! [`engine`] is the middle: it knows everything, asks the decider, journals and acts, without any I/O of
//! its own. Around it are the parts that touch the world:
//!
//! | file | what it holds |
//! |---|---|
//! | [`core`] | the loop that puts everything in order |
//! | [`platform`], [`local`] | the seam between deciding and doing, and this machine behind it |
//! | [`book`], [`recall`], [`boot`] | what is remembered: the journal, and a second memory in need |
//! | [`link`], [`listeners`] | the proxies, and the sockets that they serve |
//! | [`service`] | control as the main process of a service manager's unit |
//! | [`upgrade`] | another version of Gapless takes over |
//! | [`tls`] | certificates: read, looked after, and what the proxy is told of them |
//! | [`private_file`] | what is written for nobody else, whole or not at all |
//! | [`disk`] | releases, made and removed where nobody waits |
//! | [`admin`] | the admin address: metrics, for those who may only look |
//! | [`server`] | the control socket |
//! | [`metrics`] | what Prometheus reads |
//! | [`run`], [`ending`] | how it is put together, and how it ends |
//!
//! Control never carries traffic. It may die at any time: the next one goes on where it was.

mod access;
mod admin;
pub mod book;
mod boot;
pub mod clock;
pub mod core;
pub mod disk;
mod ending;
pub mod engine;
pub mod link;
pub mod listeners;
pub mod local;
mod metrics;
mod ownership;
pub mod platform;
mod private_file;
mod recall;
mod run;
mod sample;
mod server;
mod service;
pub mod tls;
mod upgrade;
mod verify;

pub use gapless_supervise::become_program;
pub use run::{Revive, control};
pub use upgrade::formats;

/// The process of our keeper; none under systemd.
fn keeper_pid() -> Option<u32> {
    std::env::var("GAPLESS_KEEPER_PID").ok()?.parse().ok()
}
