//! A certificate for the proxies, made anew for each run.

use crate::trouble::Trouble;
use gapless_routing::{CertificatePair, Certificates, Secret};
use rcgen::CertifiedKey;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The host that it is for.
pub(crate) const HOST: &str = "localhost";

/// A certificate that has signed itself, with a key on P-256 as most have today. Its files are gone when it is
/// dropped.
#[derive(Debug)]
pub(crate) struct Certificate {
    directory: TempDir,
    /// The certificate and its key.
    pem: (String, String),
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
        let pem = (cert.pem(), signing_key.serialize_pem());
        let certificate = Self { directory, pem, der: cert.der().clone() };
        let (chain, key) = &certificate.pem;
        for (path, text) in [
            (certificate.chain(), chain),
            (certificate.key(), key),
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

    /// The same as control tells the proxy.
    pub(crate) fn told(&self) -> Certificates {
        let pair = CertificatePair {
            name: "a benchmark's".to_owned(),
            hosts: vec![HOST.to_owned()],
            chain: self.pem.0.clone(),
            key: Secret(self.pem.1.clone()),
        };
        Certificates { number: 1, pairs: vec![pair], ..Certificates::default() }
    }

    /// A client that trusts it, speaks TLS 1.3, and resumes nothing.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, Trouble> {
        let configured = || {
            let mut roots = RootCertStore::empty();
            roots.add(self.der.clone())?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.resumption = Resumption::disabled();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        configured().map_err(|source| Trouble::Bench { what: format!("cannot speak TLS: {source}") })
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }
}
