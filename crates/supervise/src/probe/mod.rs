//! What is asked of an instance: when (`prober.rs`), with which consequence (`thresholds.rs`), and how.

mod ask;
mod command;
mod http;
pub(crate) mod notify;
mod prober;
mod tcp;
mod thresholds;

pub(crate) use prober::{Prober, Rhythm};
pub(crate) use thresholds::Health;
