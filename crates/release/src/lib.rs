//! From a source to an immutable directory: the releases of apps on disk.
//!
//! ```text
//! GAPLESS_HOME/apps/<app>/current -> releases/r7        swapped in one step
//! GAPLESS_HOME/apps/<app>/releases/r7/manifest.json     spec, environment, mark: mode 0600, it has secrets
//! GAPLESS_HOME/apps/<app>/releases/r7/code/             its own copy of the code, if it has one
//! ```
//!
//! Whatever is made is made aside (`.r7.partial`) and renamed: a release is there whole or not at all. Code is written
//! through to the disk before it is renamed; a manifest alone right after, as the journal has what is in it. Whatever
//! is removed is renamed aside (`.r7.removed`) first. What a crash leaves aside, [`Releases::sweep`] removes.
//!
//! Control calls this, on a thread that may block: nothing in here is quick, and nothing is async. It decides
//! nothing (which release to make, keep or remove is told to it), starts nothing but `git` for code that is taken
//! from a commit, and never writes outside `GAPLESS_HOME/apps`.

mod aside;
mod commit;
mod copy;
mod current;
mod durable;
mod error;
mod layout;
mod make;
mod manifest;
mod remove;
mod source;

pub use error::{Error, NoCommit};
pub use layout::Releases;
pub use make::Order;
pub use source::Code;
