//! TLS: an authority that clients know, clients that look closely, and a load of theirs.

mod authority;
mod client;
mod load;
mod pebble;

pub use authority::{Authority, Issued};
pub use client::{Kept, Tls};
pub use load::TlsLoad;
pub use pebble::Pebble;
