//! Runs instances: starts them, asks whether they are ready, starts them again when they fail, stops them when
//! told, and says at every change how they stand.
//!
//! Called by `control`, through [`Supervisor`]. Each instance has a task of its own (`actor/`), which owns the
//! truth about it; orders reach it as a wish (`wish.rs`) that can be neither lost nor overtaken, and what it
//! says comes out of one channel as [`InstanceView`](gapless_model::instance::InstanceView)s. So no slow stop
//! or probe of one instance delays another.
//!
//! It never decides about traffic: whether a ready instance gets any, and when an instance may be stopped, is
//! the decider's. It never reads an instance's output either: stdout and stderr are FIFOs in
//! `GAPLESS_HOME/run` that the `logs` room opens by path.
//!
//! Instances outlive it. When control dies they run on, and the next one takes them over ([`Adoption`]),
//! known beyond doubt by pid and start time.
//!
//! An instance with limits is in a cgroup of its own where we may make one (`cgroups/`).
//!
//! Where to look: what an instance is started with, `spawn.rs`, `environment.rs`, `offer.rs`; where it is
//! reached, `address.rs`; what is asked of it, `probe/`; its life, state by state, `actor/`.

mod actor;
mod address;
mod backoff;
mod census;
mod cgroups;
mod clock;
mod confine;
mod environment;
mod executable;
mod group;
mod launch;
mod node;
mod observe;
mod offer;
mod once;
mod placeholder;
mod ports;
mod probe;
mod rundir;
mod safekeeping;
mod secrets;
mod spawn;
mod stop;
mod supervisor;
mod target;
mod usage;
mod wish;

pub use cgroups::{Cgroups, NotInForce};
pub use confine::launch as become_program;
pub use launch::{Adoption, Launch, LaunchError};
pub use observe::{Found, end_left_over, running};
pub use once::once;
pub use safekeeping::Safekeeping;
pub use supervisor::{SetupError, Supervisor};
pub use usage::{Meter, Used};
