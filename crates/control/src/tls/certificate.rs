//! One certificate with its key: read, and held against each other and the time.

use gapless_model::WallTime;
use gapless_model::tls::CertificateFiles;
use gapless_routing::{CertificatePair, Secret};
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// As the proxy gets it.
    pub pair: CertificatePair,
    /// From when it holds.
    pub from: WallTime,
    /// Until when it holds.
    pub until: WallTime,
}

/// Why a certificate cannot be used. Nothing of a key is ever in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// The file.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// What the system said.
        why: String,
    },
    /// The file holds something else.
    #[error("{path} holds no certificate that can be read: {why}")]
    NoCertificate {
        /// Which.
        path: String,
        /// What there is instead.
        why: String,
    },
    /// The file holds something else.
    #[error("{path} holds no private key that can be read: {why}")]
    NoKey {
        /// Which.
        path: String,
        /// What there is instead.
        why: String,
    },
    /// They do not belong together.
    #[error("the key in {key} is not that of the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
    /// It is over.
    #[error("the certificate in {path} expired on {on}")]
    Expired {
        /// Which.
        path: String,
        /// When, as people write it.
        on: String,
    },
    /// It is yet to begin.
    #[error("the certificate in {path} does not hold before {from}")]
    NotYet {
        /// Which.
        path: String,
        /// When, as people write it.
        from: String,
    },
}

impl BadCertificate {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "both files must be there, and readable for the user that Gapless runs as"
            }
            Self::NoCertificate { .. } => {
                "it takes PEM: a block that begins with -----BEGIN CERTIFICATE-----, the host's own first, then \
                 those that lead to the authority's (often named fullchain.pem)"
            }
            Self::NoKey { .. } => {
                "it takes PEM without a passphrase: -----BEGIN PRIVATE KEY----- (`openssl pkey -in OLD -out NEW` \
                 takes a passphrase off)"
            }
            Self::Mismatch { .. } => {
                "name the key that the certificate was asked for with; the host's own certificate comes first in \
                 its file"
            }
            Self::Expired { .. } => "renew it, or leave it out of [tls]",
            Self::NotYet { .. } => "is the clock of this machine right? `date` shows it",
        }
    }
}

/// What tells that a file is another one than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp([(u64, u64, i64, i64); 2]);

impl Stamp {
    /// The stamp of both files; none while one of them cannot be looked at.
    pub fn of(files: &CertificateFiles) -> Option<Self> {
        let one = |path: &camino::Utf8Path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
        };
        Some(Self([one(&files.certificate)?, one(&files.key)?]))
    }
}

impl Certificate {
    /// Reads a certificate and its key from their files. Blocks.
    ///
    /// # Errors
    /// See [`BadCertificate`]; of time it says nothing.
    pub fn read(files: &CertificateFiles) -> Result<Self, BadCertificate> {
        let read = |path: &camino::Utf8Path| {
            std::fs::read(path).map_err(|error: io::Error| BadCertificate::Unreadable {
                path: path.to_string(),
                why: error.to_string(),
            })
        };
        let (chain, key) = (read(&files.certificate)?, read(&files.key)?);
        Self::of(files.certificate.as_str(), files.key.as_str(), &chain, &key)
    }

    /// Makes one of PEM texts. The names are those of their files, for people.
    ///
    /// # Errors
    /// See [`BadCertificate`]; of time it says nothing.
    pub fn of(name: &str, key_name: &str, chain: &[u8], key: &[u8]) -> Result<Self, BadCertificate> {
        let no_certificate = |why: String| BadCertificate::NoCertificate { path: name.to_owned(), why };
        let ders: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let ders = ders.map_err(|error| no_certificate(error.to_string()))?;
        let Some(first) = ders.first() else { return Err(no_certificate(found(chain))) };
        let parsed = x509_cert::Certificate::from_der(first).map_err(|e| no_certificate(e.to_string()))?;
        let no_key = |why: String| BadCertificate::NoKey { path: key_name.to_owned(), why };
        let der = PrivateKeyDer::from_pem_slice(key).map_err(|_| no_key(found(key)))?;
        CertifiedKey::from_der(ders.clone(), der, &rustls::crypto::ring::default_provider()).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    BadCertificate::Mismatch { certificate: name.to_owned(), key: key_name.to_owned() }
                }
                other => no_key(other.to_string()),
            },
        )?;
        let validity = parsed.tbs_certificate().validity();
        let at = |time: &x509_cert::time::Time| {
            WallTime::from_millis(u64::try_from(time.to_unix_duration().as_millis()).unwrap_or(u64::MAX))
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self {
            from: at(&validity.not_before),
            until: at(&validity.not_after),
            pair: CertificatePair {
                name: name.to_owned(),
                hosts: hosts(&parsed),
                chain: text(chain),
                key: Secret(text(key)),
            },
        })
    }

    /// Whether it holds now.
    ///
    /// # Errors
    /// It does not, yet or any more.
    pub fn holds(&self, now: WallTime) -> Result<(), BadCertificate> {
        let path = || self.pair.name.clone();
        if self.until < now {
            return Err(BadCertificate::Expired { path: path(), on: day(self.until) });
        }
        if self.from > now {
            return Err(BadCertificate::NotYet { path: path(), from: day(self.from) });
        }
        Ok(())
    }

    /// How long it still holds, zero if it does not.
    pub fn remaining(&self, now: WallTime) -> Duration {
        Duration::from_millis(self.until.as_millis().saturating_sub(now.as_millis()))
    }
}

/// What a text has instead of what was looked for.
fn found(text: &[u8]) -> String {
    let kind = <(SectionKind, Vec<u8>)>::pem_slice_iter(text).flatten().map(|(kind, _)| kind).next();
    let said = String::from_utf8_lossy(text);
    match kind {
        Some(SectionKind::Certificate) => "there is a certificate".to_owned(),
        Some(SectionKind::Csr) => "there is a request for a certificate".to_owned(),
        Some(_) => "there is a key".to_owned(),
        None if said.contains("ENCRYPTED") => "it is locked by a passphrase".to_owned(),
        None if text.is_empty() => "it is empty".to_owned(),
        None => "there is no PEM".to_owned(),
    }
}

/// The hosts that a certificate is for (RFC 6125 section 6.4), in lower case.
fn hosts(certificate: &x509_cert::Certificate) -> Vec<String> {
    let names = certificate.tbs_certificate().get_extension::<SubjectAltName>().ok().flatten();
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    let dns = names.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    dns.collect()
}

/// A day as people write it, in UTC.
pub(super) fn day(at: WallTime) -> String {
    let seconds = i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests;
