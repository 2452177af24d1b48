//! A whole installation in one thread and no time: control's real engine, and around it simulated parts that
//! lag, lie down and die as real ones do.
//!
//! [`run`] plays a [`Scenario`]: apps, what users do, what fails, and after which steps control is killed.
//! Everything random follows from the scenario's seed, so that a scenario is its own reproduction. It returns
//! a [`Report`] with every promise that was broken.
//!
//! | file | what it holds |
//! |---|---|
//! | [`scenario`] | what is to happen |
//! | `queue`, `event` | virtual time |
//! | `world` | all parts, and the loop |
//! | `control` | the engine with its inbox: killed and begun anew |
//! | `orders` | the engine's orders, one by one, so that control can die between any two |
//! | [`point`] | where control can be killed: around each write and each effect |
//! | `journal` | lags, fails, and loses what it had not written |
//! | `supervisor` | how instances seem to control; dies with it |
//! | `process` | how instances are; outlives it |
//! | `proxy` | workers that get snapshots one after the other |
//! | `boot` | the machine is started anew |
//! | `order` | what an order of start promises |
//! | `traffic` | requests on their way |
//! | `script` | the user and the misfortunes |
//! | `verdict` | what must hold in the end |

mod boot;
mod control;
mod event;
mod journal;
mod order;
mod orders;
pub mod point;
mod process;
mod proxy;
mod queue;
mod report;
pub mod scenario;
mod script;
mod spec;
mod supervisor;
mod traffic;
mod verdict;
mod verifier;
mod world;

pub use report::{Broken, End, Report, Violation};
pub use scenario::Scenario;

/// Plays a scenario to its end.
///
/// # Panics
/// When the engine does: it checks its own decisions in debug builds.
pub fn run(scenario: &Scenario) -> Report {
    world::World::new(scenario).play()
}
