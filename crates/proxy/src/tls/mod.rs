//! TLS at the public listeners (RFC 8446, RFC 5246), by rustls.
//!
//! `terms` is what all workers share: whatever control last said of certificates, tickets that any worker
//! takes back, and the count of handshakes. It changes in one step, for handshakes that begin from then on.
//! `keyring` picks a certificate by the name that a client asks for; `settings` makes rustls's configuration;
//! `handshake` gets a connection through it, or gives it up.

mod handshake;
mod keyring;
mod settings;
mod terms;

pub(crate) use handshake::shake_hands;
pub(crate) use terms::{Author, Terms};
