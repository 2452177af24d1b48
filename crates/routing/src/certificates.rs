//! What TLS is spoken by: certificates with their keys, and answers to those who ask whether a host is ours.

use gapless_model::tls::TlsLimits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// All certificates of an installation. Newer ones replace older ones entirely; connections stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Certificates {
    /// Higher is newer, among those of one control.
    pub number: u64,
    /// The certificates. Those before others go first where several are for one host; the very first one is
    /// for clients that name no host, or one that none is for.
    pub pairs: Vec<CertificatePair>,
    /// Names of certificates that control cannot read now. Those that the proxy has are kept.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Versions and ciphers.
    pub limits: TlsLimits,
    /// What an authority asks for before it gives a certificate.
    pub challenges: Challenges,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatePair {
    /// Where it comes from, for people.
    pub name: String,
    /// The hosts that it is for, in lower case; `*.example.com` is for one label before the rest.
    pub hosts: Vec<String>,
    /// The certificate and those that lead from it to one that clients know, as PEM.
    pub chain: String,
    /// Its private key, as PEM.
    pub key: Secret,
}

/// Answers to an authority that wants to know whether a host is ours (RFC 8555 section 8).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Challenges {
    /// By HTTP: what is said below `/.well-known/acme-challenge/`, by its name there (section 8.3).
    pub http: BTreeMap<String, String>,
    /// Within a handshake: the certificate by host (RFC 8737).
    pub tls: BTreeMap<String, CertificatePair>,
}

/// A text that must not be seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let pair = CertificatePair {
            name: "a".to_owned(),
            hosts: Vec::new(),
            chain: "b".to_owned(),
            key: Secret("-----BEGIN PRIVATE KEY-----".to_owned()),
        };
        assert!(!format!("{pair:?} {pair:#?}").contains("BEGIN"));
    }
}
