//! The keeper: tiny, dull, and never decides anything.
//!
//! It is the one process of Gapless that is meant never to end: it starts control, starts it again whenever it
//! dies, and holds the file descriptors that must outlive it, by the same protocol as systemd's
//! file-descriptor store (`sd_notify(3)`, `FDSTORE=1`). Under systemd no keeper is needed. It is also where
//! orphans go: when control dies its instances become the keeper's children, which reaps them when they end.
//!
//! It is replaced by another version of itself in place, by `execve(2)`: the same process, the same children, the
//! same descriptors (`heir.rs`). If that fails it goes on as it is.
//!
//! Called by the binary only: [`run`] is `gapless internal keeper`, [`spawn`] starts that in the background,
//! [`holder`] says whether one runs. It knows neither control nor any word of the model; it reads no
//! configuration, opens no network socket, and has one thread, no async runtime and no memory to speak of.

mod control;
mod error;
mod heir;
mod home;
mod keep;
mod pace;
mod shelf;
mod start;

pub use control::KEEPER_PID;
pub use error::KeeperError;
pub use home::holder;
pub use keep::run;
pub use start::spawn;
