//! A connection's handshake.

use super::Terms;
use super::keyring::ACME;
use crate::stream::Stream;
use rustls::HandshakeKind;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a handshake may take: what is usual among servers, and longer than a client that was let down by
/// the network needs to send it again.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The stream within TLS; none if the client and we do not get there, or there is nothing more to say.
pub(crate) async fn shake_hands(terms: &Terms, socket: TcpStream) -> Option<Stream> {
    let Some(config) = terms.config() else {
        terms.count_failed();
        return None;
    };
    // Large, and done with soon: kept out of what every connection holds.
    let shaken = timeout(HANDSHAKE, Box::pin(TlsAcceptor::from(config).accept(socket))).await;
    match shaken {
        Ok(Ok(stream)) => {
            let session = stream.get_ref().1;
            terms.count_complete(session.handshake_kind() == Some(HandshakeKind::Resumed));
            // The authority has seen the certificate that it came for.
            (session.alpn_protocol() != Some(ACME)).then(|| Stream::Tls(Box::new(stream)))
        }
        Ok(Err(error)) => {
            terms.count_failed();
            tracing::debug!(%error, "a handshake failed");
            None
        }
        Err(_) => {
            terms.count_failed();
            tracing::debug!("a handshake took too long");
            None
        }
    }
}
