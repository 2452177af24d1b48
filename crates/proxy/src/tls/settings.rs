//! rustls's configuration, as control wants it.

use super::keyring::{ACME, Keyring};
use crate::stream::HTTP2;
use gapless_model::tls::{TlsLimits, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use std::sync::Arc;

/// What is spoken within TLS, the best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// What handshakes go by.
///
/// # Errors
/// When no cipher of the limits fits a version of the limits.
pub(crate) fn build(
    keyring: Keyring,
    limits: &TlsLimits,
    tickets: Arc<dyn ProducesTickets>,
) -> Result<ServerConfig, rustls::Error> {
    let mut protocols: Vec<Vec<u8>> = PROTOCOLS.map(<[u8]>::to_vec).into();
    if keyring.has_challenges() {
        protocols.push(ACME.to_vec());
    }
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider(limits)))
        .with_protocol_versions(versions(limits.minimum))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(keyring));
    config.alpn_protocols = protocols;
    config.ticketer = tickets;
    // Tickets are with the clients. What is kept here would be with all workers, behind a lock.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The ciphers that may be used, in the order of rustls.
fn provider(limits: &TlsLimits) -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    if !limits.ciphers.is_empty() {
        let name = |suite: &rustls::SupportedCipherSuite| {
            suite.suite().as_str().map(|name| name.replace("TLS13_", "TLS_"))
        };
        provider.cipher_suites.retain(|suite| name(suite).is_some_and(|name| limits.ciphers.contains(&name)));
    }
    provider
}

/// Those from this one on.
fn versions(minimum: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static FROM_12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
    match minimum {
        TlsVersion::V12 => &FROM_12,
        TlsVersion::V13 => &FROM_12[..1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_model::tls::CIPHERS;

    #[test]
    fn every_cipher_of_the_model_is_one_of_rustls_and_the_other_way_round() {
        for cipher in CIPHERS {
            let limits = TlsLimits { ciphers: vec![cipher.to_owned()], ..TlsLimits::default() };
            assert_eq!(provider(&limits).cipher_suites.len(), 1, "{cipher}");
        }
        assert_eq!(provider(&TlsLimits::default()).cipher_suites.len(), CIPHERS.len());
    }
}
