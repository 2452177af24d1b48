//! Certificates by the host that a client asks for (SNI, RFC 6066 section 3).

use gapless_routing::{CertificatePair, Certificates};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// The protocol that an authority speaks to see a certificate that nobody else may see (RFC 8737 section 3).
pub(crate) const ACME: &[u8] = b"acme-tls/1";

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadPair {
    #[error("{name}: no certificate can be read: {source}")]
    Chain { name: String, source: rustls::pki_types::pem::Error },
    #[error("{name}: no private key can be read: {source}")]
    Key { name: String, source: rustls::pki_types::pem::Error },
    #[error("{name}: the certificate and its key cannot be used: {source}")]
    Pair { name: String, source: rustls::Error },
}

/// Certificates, by host.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    by_host: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
    challenges: HashMap<String, Arc<CertifiedKey>>,
}

impl Keyring {
    /// Those that can be used, and what is wrong with the others.
    pub(crate) fn of(certificates: &Certificates, provider: &CryptoProvider) -> (Self, Vec<BadPair>) {
        let mut ring = Self::default();
        let mut bad = Vec::new();
        for pair in &certificates.pairs {
            match read(pair, provider) {
                Ok(key) => ring.add(&pair.hosts, &Arc::new(key)),
                Err(error) => bad.push(error),
            }
        }
        for (host, pair) in &certificates.challenges.tls {
            match read_unchecked(pair, provider) {
                Ok(key) => drop(ring.challenges.insert(host.clone(), Arc::new(key))),
                Err(error) => bad.push(error),
            }
        }
        (ring, bad)
    }

    fn add(&mut self, hosts: &[String], key: &Arc<CertifiedKey>) {
        self.first.get_or_insert_with(|| Arc::clone(key));
        for host in hosts {
            self.by_host.entry(host.clone()).or_insert_with(|| Arc::clone(key));
        }
    }

    /// Whether an authority may ask.
    pub(crate) fn has_challenges(&self) -> bool {
        !self.challenges.is_empty()
    }

    /// The certificate for a host: its own, else the wildcard's, else the first of all.
    fn find(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let named = host.and_then(|host| {
            let wildcard = || self.by_host.get(&format!("*.{}", host.split_once('.')?.1));
            self.by_host.get(host).or_else(wildcard)
        });
        named.or(self.first.as_ref()).cloned()
    }
}

impl ResolvesServerCert for Keyring {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().map(str::to_ascii_lowercase);
        if self.has_challenges() && hello.alpn().is_some_and(|mut offers| offers.any(|o| o == ACME)) {
            return self.challenges.get(&host?).cloned();
        }
        self.find(host.as_deref())
    }
}

/// A certificate that only an authority is shown. It has an extension that every other client has to refuse (RFC
/// 8737 section 3), and so has whoever would look whether the key is its own.
fn read_unchecked(pair: &CertificatePair, provider: &CryptoProvider) -> Result<CertifiedKey, BadPair> {
    let (chain, key) = parts(pair)?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|source| BadPair::Pair { name: pair.name.clone(), source })?;
    Ok(CertifiedKey::new(chain, key))
}

fn read(pair: &CertificatePair, provider: &CryptoProvider) -> Result<CertifiedKey, BadPair> {
    let (chain, key) = parts(pair)?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| BadPair::Pair { name: pair.name.clone(), source })
}

type Parts = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parts(pair: &CertificatePair) -> Result<Parts, BadPair> {
    let name = || pair.name.clone();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.chain.as_bytes()).collect();
    let chain = chain.map_err(|source| BadPair::Chain { name: name(), source })?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.0.as_bytes())
        .map_err(|source| BadPair::Key { name: name(), source })?;
    Ok((chain, key))
}
