//! The words of Gapless, as types.
//!
//! Every other room speaks in these: what the user asked for ([`AppSpec`]), what was made of it
//! ([`Release`], [`Instance`](instance::InstanceView)), where traffic goes ([`Split`]), how the move from one
//! release to another stands ([`Rollout`]), and why nothing is happening right now ([`WaitingOn`]).
//!
//! Nothing in here does anything: no I/O, no clock, no randomness. States are enums that carry their data,
//! so that an impossible combination cannot be written down.

pub mod access_log;
pub mod address;
pub mod app;
pub mod balance;
pub mod circle;
pub mod command;
pub mod error_pages;
pub mod event;
pub mod failure;
pub mod fingerprint;
pub mod ids;
pub mod instance;
pub mod limits;
pub mod probe;
pub mod process;
pub mod receipt;
pub mod release;
pub mod resources;
pub mod rollout;
pub mod route;
pub mod signal;
pub mod split;
pub mod time;
pub mod tls;
pub mod trust;
pub mod waiting;

pub use access_log::AccessLog;
pub use address::{Address, AddressMode};
pub use app::{AppSettings, AppSpec, Instances};
pub use circle::circles;
pub use command::CommandLine;
pub use error_pages::ErrorPages;
pub use failure::{Exit, Failure};
pub use fingerprint::fingerprint;
pub use ids::{AppName, Generation, InstanceId, ReleaseId, RolloutId};
pub use instance::InstanceState;
pub use probe::{ProbeReport, ProbeSpec};
pub use receipt::{Receipt, TrafficCount};
pub use release::{Release, ReleaseSpec};
pub use resources::{Bytes, Resource, ResourceLimits, Unlimited};
pub use rollout::{
    AbortReason, Outcome, Preview, PreviewSecret, Rollout, RolloutKind, RolloutPhase, Strategy,
};
pub use signal::Signal;
pub use split::Split;
pub use time::{Moment, WallTime};
pub use waiting::{Until, WaitingOn};
