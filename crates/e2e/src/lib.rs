//! The promises of Gapless, tried with real processes, sockets and signals: one test file per promise.
//!
//! A test has a [`Site`]: an installation of its own with the real binary, in a directory of its own, taken
//! down when the test ends however it ends. `apps/cases.mjs` is the app of these tests, as well or ill
//! behaved as its environment says; [`CaseApp`] writes its `gapless.toml`. [`traffic`] is the load: kept
//! connections, new ones, POST bodies, slow answers.

mod binary;
mod capacity;
mod case_app;
mod census;
pub mod counter;
mod customer;
mod delegated;
mod dice;
pub mod direct;
mod machine;
mod outcome;
mod partner;
pub mod parts;
pub mod process;
pub mod secure;
mod site;
mod somebody;
pub mod traffic;

pub use binary::{gapless, versions};
pub use capacity::CapacityWatch;
pub use case_app::{CaseApp, apps_directory};
pub use census::instance_processes;
pub use customer::{Answer, Customer};
pub use delegated::Delegated;
pub use dice::dice;
pub use machine::Machine;
pub use outcome::Outcome;
pub use partner::Partner;
pub use site::{PATIENCE, Running, Site, free_address};
pub use somebody::Somebody;
