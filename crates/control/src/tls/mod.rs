//! Certificates: from files, and from an authority; looked after here, spoken by in the proxy.
//!
//! `certificate` reads one and says whether it can be used. `keychain` is all of them, what is wrong with them,
//! and what the proxy is told; the loop owns it. `watch` looks whether files have changed; `acme` fetches what is
//! in no file, and again before it is over.

mod acme;
mod certificate;
mod coverage;
mod keychain;
mod watch;

pub use acme::keep;
pub use certificate::{BadCertificate, Certificate, Stamp};
pub use keychain::{Keychain, Prepared, Proof, Wanted};
pub use watch::watch;
