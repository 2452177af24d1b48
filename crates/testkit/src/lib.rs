//! Tools for tests: a simulated world for whole rollouts, and waiting with a deadline.
//!
//! Called by the tests of the other rooms; no part of the product knows it. It never sleeps to make a test
//! pass: [`wait`] asks until a predicate holds, and in [`simulation`] time is a number.

pub mod simulation;
pub mod wait;
