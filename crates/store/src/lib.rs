//! The journal: what was intended and what happened, on disk.
//!
//! Control calls it, and nobody else. Before control acts it [commits](Journal::commit) what it is about to
//! do as [`Change`]s; after a crash it [opens](Journal::open) the journal, gets the [`State`] that all
//! committed changes add up to, and goes on from there. Beside the state there is a history of
//! [events](gapless_model::event::Event) for people.
//!
//! One SQLite database in WAL mode, and one thread that alone touches it. A commit never blocks its caller:
//! it is handed over in memory, the thread writes whatever has gathered as one transaction, and the caller
//! is told by a future. When a transaction fails (disk full, read-only) the callers are told, and the
//! changes are kept and tried again before newer ones, so the database can lag behind but never skips.
//!
//! It never decides anything, never looks at what runs, and never deletes what it cannot read: an
//! unreadable database is set aside under another name, and one from a newer version is refused.

mod change;
mod database;
mod error;
mod history;
mod inbox;
mod journal;
mod pending;
mod record;
mod recover;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod transaction;
mod writer;

/// The newest schema of a journal that is read here. A newer one is refused.
pub const SCHEMA: u32 = schema::NEWEST;

pub use change::Change;
pub use error::{CommitError, OpenError, ReadError};
pub use inbox::Commit;
pub use journal::{Answer, Journal, Recovered, SetAside, read_copy};
pub use record::{AppRecord, InstanceRecord, RolloutRecord, Wanted};
pub use state::State;
