//! Certificates by ACME (RFC 8555): fetched for each host by itself, kept below `GAPLESS_HOME`, renewed ahead of
//! time.
//!
//! `keep` goes round: which hosts have none, or one that is over soon. `order` gets one from the authority.
//! `vault` is what is on disk; `schedule` says when; `failure` says what went wrong, and what to do about it.

mod failure;
mod keep;
mod order;
mod schedule;
mod vault;

pub use keep::keep;
pub(crate) use vault::Vault;
