//! What Linux offers and the standard library does not: one small file per concept.
//!
//! Called by `keeper`, `supervise`, `logs`, `proxy` and `control`. It knows none of our other rooms: its types
//! are plain numbers, paths and descriptors, and whoever calls gives them meaning. It decides nothing, logs
//! nothing, never spawns a thread, and holds no state of its own. This is the only room with unsafe code.

pub mod account;
pub mod activation;
pub mod cgroup;
pub mod clock;
pub mod descriptor;
pub mod detach;
pub mod fdstore;
pub mod fifo;
pub mod group;
pub mod handover;
pub mod identity;
pub mod listening;
pub mod lock;
pub mod marks;
pub mod memory;
pub mod notify;
pub mod nowhere;
pub mod peer;
pub mod pidfd;
pub mod pinned;
pub mod poll;
pub mod port;
pub mod process;
pub mod program;
pub mod random;
pub mod reap;
pub mod signals;
pub mod stdin;
pub mod unsent;
pub mod usage;

pub use pidfd::{Ended, PidFd};
