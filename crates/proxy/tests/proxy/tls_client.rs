//! A client that speaks TLS, and certificates for it to see.

use crate::stage::{Client, Stage};
use gapless_routing::{CertificatePair, Certificates, Protocol, Secret, ToControl, ToProxy};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme, SupportedProtocolVersion,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for these hosts, made now. The client sees which one it got by comparing.
pub(crate) fn pair(hosts: &[&str]) -> CertificatePair {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts.clone()).unwrap();
    CertificatePair {
        name: hosts.join(", "),
        hosts,
        chain: made.cert.pem(),
        key: Secret(made.signing_key.serialize_pem()),
    }
}

/// The certificate itself.
pub(crate) fn der(pair: &CertificatePair) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap()
}

impl Stage {
    /// Its listener speaks TLS by these certificates from here on.
    pub(crate) async fn secure(&mut self, pairs: Vec<CertificatePair>) {
        self.certify(Certificates { pairs, ..Certificates::default() }).await;
        self.snapshot.listeners[0].protocol = Protocol::Tls { hsts: None };
        self.apply().await;
    }

    /// These certificates are in force from here on.
    pub(crate) async fn certify(&mut self, certificates: Certificates) -> Vec<String> {
        let wanted = certificates.number;
        self.control.sender.send(&ToProxy::Certificates(certificates), &[]).await.unwrap();
        loop {
            if let ToControl::Certified { number, troubles } = self.control.next().await
                && number == wanted
            {
                return troubles;
            }
        }
    }
}

/// How a client shakes hands.
#[derive(Clone)]
pub(crate) struct Hands(ClientConfig);

impl Hands {
    /// Speaks these versions and takes any certificate.
    pub(crate) fn new(versions: &[&'static SupportedProtocolVersion]) -> Self {
        let provider = rustls::crypto::ring::default_provider();
        let mut config = ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAny))
            .with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(8);
        Self(config)
    }

    /// Offers this protocol (RFC 7301).
    pub(crate) fn offering(mut self, protocol: &str) -> Self {
        self.0.alpn_protocols = vec![protocol.into()];
        self
    }

    /// Connects and asks for a host; an IP address as `host` asks for none.
    pub(crate) async fn shake(&self, to: SocketAddr, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let socket = TcpStream::connect(to).await?;
        socket.set_nodelay(true)?;
        TlsConnector::from(Arc::new(self.0.clone())).connect(name, socket).await
    }

    /// The certificate that is shown for a host.
    pub(crate) async fn see(&self, to: SocketAddr, host: &str) -> CertificateDer<'static> {
        let stream = self.shake(to, host).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// A keep-alive connection, and whether it went on from an earlier one.
    pub(crate) async fn client(&self, to: SocketAddr, host: &str) -> (Client, bool) {
        let stream = self.shake(to, host).await.unwrap();
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        (Client::on(stream).await, resumed)
    }
}

/// Takes any certificate: the tests look at it themselves.
#[derive(Debug)]
struct TakesAny;

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::ring::default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}
