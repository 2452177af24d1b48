//! TLS at the public listeners: the `[tls]` table, as it was understood.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// How clients are spoken to by TLS. One for the whole installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSpec {
    /// Certificates in files. The first one is for clients that name no host, or one that no certificate is
    /// for.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates that are fetched.
    #[serde(default)]
    pub acme: Option<AcmeSpec>,
    /// Plain listeners that send clients to the same place by https; what routes take goes before.
    #[serde(default)]
    pub redirect: Vec<SocketAddr>,
    /// For how long clients shall come by https only (RFC 6797); none says nothing of it.
    #[serde(default)]
    pub hsts: Option<Duration>,
    /// Which protocol versions and ciphers.
    #[serde(default)]
    pub limits: TlsLimits,
}

/// A certificate and its key, each in a PEM file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CertificateFiles {
    /// The certificate, with those that lead from it to one that clients know; absolute.
    pub certificate: Utf8PathBuf,
    /// Its private key; absolute.
    pub key: Utf8PathBuf,
}

/// Certificates by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeSpec {
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// URL of its directory.
    pub directory: String,
    /// For which hosts; none means those of the TLS routes that no file has a certificate for.
    pub hosts: Option<Vec<String>>,
    /// PEM file with the certificate by which the authority itself is known, if the machine does not know it
    /// anyway; absolute.
    pub ca: Option<Utf8PathBuf>,
    /// How the authority looks whether a host is ours; none begins with what fits the listeners, and takes
    /// turns when it fails.
    #[serde(default)]
    pub challenge: Option<AcmeChallenge>,
}

/// How an authority looks whether a host is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AcmeChallenge {
    /// By a request to port 80 (RFC 8555 section 8.3).
    #[default]
    #[serde(rename = "http-01")]
    Http,
    /// By a handshake with port 443 (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
}

impl AcmeChallenge {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Http => Self::TlsAlpn,
            Self::TlsAlpn => Self::Http,
        }
    }
}

/// Which protocol versions and ciphers clients may choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TlsLimits {
    /// The oldest version.
    pub minimum: TlsVersion,
    /// The cipher suites by their names, each one of [`CIPHERS`]; empty for all.
    pub ciphers: Vec<String>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    V12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V13,
}

/// The cipher suites that there are, by their names in the registry of IANA; those of TLS 1.3 first.
pub const CIPHERS: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Whether a cipher suite is one of TLS 1.3, which has its own.
pub fn is_of_tls13(cipher: &str) -> bool {
    !cipher.contains("_WITH_")
}
