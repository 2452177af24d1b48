//! Every message that a wrong file can get, as the user sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apps;
mod files;
mod keys;
mod rendering;
mod tls;
mod values;
