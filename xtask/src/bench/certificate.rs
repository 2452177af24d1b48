//! A certificate for the proxies, made anew for each run.

use crate::trouble::Trouble;
use rcgen::CertifiedKey;
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The host that it is for.
pub(crate) const HOST: &str = "localhost";

/// A certificate that has signed itself, with a key on P-256 as most have today. Its files are gone when it is
/// dropped.
#[derive(Debug)]
pub(crate) struct Certificate {
    directory: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Another one.
    pub(crate) fn new() -> Result<Self, Trouble> {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]);
        let CertifiedKey { cert, signing_key } =
            made.map_err(|source| Trouble::Bench { what: format!("cannot make a certificate: {source}") })?;
        let directory = tempfile::Builder::new().prefix("gc-").tempdir().map_err(|source| Trouble::File {
            verb: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        let certificate = Self { directory, der: cert.der().clone() };
        for (path, text) in [
            (certificate.chain(), &chain),
            (certificate.key(), &key),
            (certificate.both(), &format!("{chain}{key}")),
        ] {
            std::fs::write(&path, text).map_err(|source| Trouble::File { verb: "write", path, source })?;
        }
        Ok(certificate)
    }

    /// The certificate as PEM.
    pub(crate) fn chain(&self) -> PathBuf {
        self.at("chain.pem")
    }

    /// Its key as PEM.
    pub(crate) fn key(&self) -> PathBuf {
        self.at("key.pem")
    }

    /// One after the other in one file, as HAProxy wants them.
    pub(crate) fn both(&self) -> PathBuf {
        self.at("both.pem")
    }

    /// The certificate as clients see it.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }
}
