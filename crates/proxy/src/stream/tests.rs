use super::*;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::future::poll_fn;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

type FromClient = client::TlsStream<TcpStream>;

/// Both ends of a connection with TLS of this version.
async fn pair(version: &'static SupportedProtocolVersion) -> (FromClient, Stream) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = own.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let (client, server) = tokio::join!(connector.connect(name, socket), acceptor.accept(accepted));
    (client.unwrap(), Stream::Tls(Box::new(server.unwrap())))
}

async fn left(stream: &mut Stream) -> Left {
    poll_fn(|cx| stream.poll_left(cx)).await
}

/// Drives the stream until the client's `what` is through: nothing else would take in what arrives.
async fn is_still_there(stream: &mut Stream, what: impl Future<Output = ()>) {
    tokio::select! {
        left = left(stream) => panic!("{left:?}"),
        () = what => {}
    }
}

#[tokio::test]
async fn a_client_that_says_goodbye_has_closed_its_side_and_gets_its_answer() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (mut client, mut stream) = pair(version).await;
        client.get_mut().1.send_close_notify();
        client.flush().await.unwrap();
        assert_eq!(left(&mut stream).await, Left::Closed);
        assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        stream.write_all(b"answer").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }
}

#[tokio::test]
async fn a_client_whose_socket_ends_without_a_word_has_closed_its_side_too() {
    let (mut client, mut stream) = pair(&rustls::version::TLS13).await;
    client.get_mut().0.shutdown().await.unwrap();
    assert_eq!(left(&mut stream).await, Left::Closed);
    assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
    stream.write_all(b"answer").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "answer");
}

#[tokio::test]
async fn what_a_client_sends_ahead_is_no_leaving_and_is_read_later() {
    let (mut client, mut stream) = pair(&rustls::version::TLS13).await;
    is_still_there(&mut stream, async {
        client.write_all(b"the next").await.unwrap();
        client.flush().await.unwrap();
        tokio::task::yield_now().await;
    })
    .await;
    // Behind what was sent ahead the end is not seen until that is read.
    client.shutdown().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "the next");
    assert_eq!(left(&mut stream).await, Left::Closed);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let (client, mut stream) = pair(&rustls::version::TLS13).await;
    rustix::net::sockopt::set_socket_linger(client.get_ref().0, Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(left(&mut stream).await, Left::Reset);
}

#[tokio::test]
async fn what_is_no_tls_counts_as_a_reset() {
    let (mut client, mut stream) = pair(&rustls::version::TLS13).await;
    client.get_mut().0.write_all(&[0; 64]).await.unwrap();
    assert_eq!(left(&mut stream).await, Left::Reset);
}
