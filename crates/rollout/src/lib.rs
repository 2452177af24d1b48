//! The decider: given what is desired, what is observed and the time, what to do now and what to wait for.
//!
//! [`decide`] is a function. It reads no clock, holds no state, does no I/O and awaits nothing, so the same
//! inputs give the same [`Decision`], and every rollout can be simulated. The executor in `control` journals
//! a decision, carries it out, and asks again whenever anything was observed; it makes no choices of its own.
//!
//! Level-triggered: nothing is remembered between calls but what [`Desired`] and [`Observed`] carry. After a
//! crash of anything: observe, and ask again.
//!
//! | file | what it holds |
//! |---|---|
//! | [`desired`], [`observed`] | the two inputs |
//! | [`decision`] | the output |
//! | [`phase`] | how a rollout moves from phase to phase, and what makes it return |
//! | [`target`] | which release is being moved to, and which instances may get traffic |
//! | [`rolling`] | the rolling strategy: what to start and what to retire |
//! | [`blue_green`] | the blue-green strategy: a second set, and one flip |
//! | [`recreate`] | the recreate strategy: the old ones are gone before the new ones are started |
//! | [`retire`] | when a retiring instance may be stopped |
//! | [`wedged`] | when an instance that fails its liveness probe may be restarted |
//! | [`order`] | which apps are started before it |
//! | [`waits`] | why nothing else is happening |
//! | [`invariants`] | what must never be decided |

pub mod blue_green;
pub mod decide;
pub mod decision;
pub mod desired;
pub mod invariants;
pub mod observed;
pub mod order;
pub mod outgrown;
pub mod phase;
pub mod recreate;
pub mod retire;
pub mod rolling;
pub mod target;
pub mod waits;
pub mod wedged;

pub use decide::decide;
pub use decision::{Action, Decision};
pub use desired::Desired;
pub use observed::{Acknowledged, Instance, Observed, Sent, Verification};
pub use order::Awaited;
