//! A client that speaks HTTP/2 as it should.

use crate::stage::soon;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A connection, and what becomes of it.
pub(crate) struct Client {
    send: SendRequest<Body>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream).await
    }

    pub(crate) async fn on(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { send, connection: tokio::spawn(connection) }
    }

    pub(crate) fn begin(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let mut send = self.send.clone();
        async move {
            send.ready().await?;
            soon("an answer", send.send_request(request)).await
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.begin(of("GET", path, "")).await.unwrap();
        let status = response.status().as_u16();
        let body = soon("the body", response.collect()).await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// All are through, and the other side has said good-bye.
    pub(crate) async fn ends_well(self) {
        drop(self.send);
        soon("the end of the connection", self.connection).await.unwrap().unwrap();
    }
}

pub(crate) fn of(method: &str, path: &str, body: &str) -> Request<Body> {
    let full = Full::new(Bytes::from(body.to_owned()));
    Request::builder().method(method).uri(format!("http://example.com{path}")).body(full.boxed()).unwrap()
}

/// A body that is sent by hand.
struct Sent(mpsc::Receiver<Frame<Bytes>>);

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

pub(crate) fn by_hand(path: &str) -> (mpsc::Sender<Frame<Bytes>>, Request<Body>) {
    let (sender, receiver) = mpsc::channel(1);
    let request = Request::post(format!("http://example.com{path}")).body(Sent(receiver).boxed()).unwrap();
    (sender, request)
}
