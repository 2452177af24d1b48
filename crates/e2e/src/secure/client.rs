//! A client that speaks TLS, and believes nobody but its authority.

use crate::customer::{Answer, read};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// How a client shakes hands. Clones share their tickets.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    to: SocketAddr,
    host: String,
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Kept {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
}

impl Tls {
    /// Clients of `host` at `to` that know this authority, and speak TLS 1.2 and 1.3.
    pub fn new(to: SocketAddr, host: &str, root: CertificateDer<'static>) -> Self {
        Self::knowing(to, host, &[root])
    }

    /// The same that know several authorities.
    pub fn knowing(to: SocketAddr, host: &str, roots: &[CertificateDer<'static>]) -> Self {
        Self::of(to, host, roots, &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    /// The same with these versions.
    pub fn speaking(
        to: SocketAddr,
        host: &str,
        root: CertificateDer<'static>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        Self::of(to, host, &[root], versions)
    }

    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    fn of(
        to: SocketAddr,
        host: &str,
        known: &[CertificateDer<'static>],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        known.iter().for_each(|root| roots.add(root.clone()).unwrap());
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(32);
        Self { config: Arc::new(config), to, host: host.to_owned() }
    }

    /// The same without tickets of earlier connections.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        Arc::make_mut(&mut self.config).resumption = Resumption::disabled();
        self
    }

    /// The same for another host.
    #[must_use]
    pub fn of_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Connects, and shakes hands.
    ///
    /// # Errors
    /// Nobody listens, or the certificate is not to be believed.
    pub fn connect(&self) -> io::Result<Kept> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let mut socket = TcpStream::connect(self.to)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Kept { stream: StreamOwned::new(session, socket), host: self.host.clone() })
    }

    /// Asks for a path on a connection of its own.
    ///
    /// # Errors
    /// As for [`Self::connect`], or no whole answer.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        self.connect()?.get_last(path)
    }

    /// The certificate that is shown.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub fn sees(&self) -> io::Result<CertificateDer<'static>> {
        let kept = self.connect()?;
        let shown = kept.stream.conn.peer_certificates().and_then(|chain| chain.first());
        shown.map(|der| der.clone().into_owned()).ok_or_else(|| io::Error::other("no certificate"))
    }
}

impl Kept {
    /// Whether it went on from an earlier connection.
    pub fn resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether it speaks TLS 1.3.
    pub fn is_tls13(&self) -> bool {
        self.stream.conn.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
    }

    /// Asks for a path, keeping the connection; the answer has a `Content-Length`.
    ///
    /// # Errors
    /// No whole answer.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(path, "keep-alive")?;
        let mut bytes = Vec::new();
        loop {
            let mut part = [0; 16 * 1024];
            let n = self.stream.read(&mut part)?;
            if n == 0 {
                return Err(io::Error::other(format!("cut: {:?}", String::from_utf8_lossy(&bytes))));
            }
            bytes.extend_from_slice(&part[..n]);
            if let Some(answer) = read(&bytes, self.stream.sock.local_addr()?)
                && (answer.headers.contains_key("content-length")
                    || answer.headers.contains_key("transfer-encoding"))
            {
                return Ok(answer);
            }
        }
    }

    fn get_last(mut self, path: &str) -> io::Result<Answer> {
        self.ask(path, "close")?;
        let mut bytes = Vec::new();
        // An end without goodbye is an error (RFC 8446, 6.1).
        self.stream.read_to_end(&mut bytes)?;
        read(&bytes, self.stream.sock.local_addr()?).ok_or_else(|| {
            io::Error::other(format!("no whole answer: {:?}", String::from_utf8_lossy(&bytes)))
        })
    }

    fn ask(&mut self, path: &str, connection: &str) -> io::Result<()> {
        let host = &self.host;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n");
        self.stream.write_all(head.as_bytes())?;
        self.stream.flush()
    }
}
