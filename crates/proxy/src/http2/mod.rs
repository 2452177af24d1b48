//! HTTP/2 with clients (RFC 9113): many requests at a time on one connection.
//!
//! hyper speaks it, with limits; here is what a proxy adds: who asks for it without having said so before
//! (`sniff.rs`), what its requests look like to an instance (`downgrade.rs`), how a connection says good-bye
//! (`connection.rs`), and what all its requests have in common (`session.rs`).

mod connection;
mod downgrade;
mod session;
mod sniff;

pub(crate) use connection::{READ_AHEAD, serve};
pub(crate) use downgrade::{downgrade, frame};
pub(crate) use session::{HeldBack, Session};
pub(crate) use sniff::Sniff;
