//! Instances that behave as they are told.

use gapless_model::release::AppProtocol;
use gapless_model::{Address, InstanceId};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http2::Builder as Http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

type Body = BoxBody<Bytes, io::Error>;

/// A server at an address of its own.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) address: Address,
    pub(crate) protocol: AppProtocol,
    pub(crate) seen: Arc<Seen>,
    task: JoinHandle<()>,
    _directory: Option<tempfile::TempDir>,
}

/// What it has seen, and what it waits for.
pub(crate) struct Seen {
    pub(crate) requests: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    /// Connections that have ended.
    pub(crate) closed: AtomicUsize,
    /// Answers everything with 500.
    pub(crate) ill: AtomicBool,
    /// Requests to `/gate` wait for a permit each.
    pub(crate) gate: Semaphore,
}

impl Seen {
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn id(number: u32) -> InstanceId {
    InstanceId::new("web".parse().unwrap(), number)
}

fn seen() -> Arc<Seen> {
    let zero = || AtomicUsize::new(0);
    Arc::new(Seen {
        requests: zero(),
        connections: zero(),
        closed: zero(),
        ill: AtomicBool::new(false),
        gate: Semaphore::new(0),
    })
}

fn unix() -> (tempfile::TempDir, Address) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("i.sock");
    let address = Address::Unix(path.to_str().unwrap().to_owned().into());
    (directory, address)
}

fn path(address: &Address) -> &std::path::Path {
    match address {
        Address::Unix(path) => path.as_std_path(),
        Address::Tcp(_) => panic!("not a Unix socket"),
    }
}

impl Instance {
    /// A well-behaved HTTP server on a Unix socket.
    pub(crate) fn unix(number: u32) -> Self {
        let (directory, address) = unix();
        let mut instance = Self::at(number, &address);
        instance._directory = Some(directory);
        instance
    }

    /// The same at a given address, once more after the former one is gone.
    pub(crate) fn at(number: u32, address: &Address) -> Self {
        let _ = std::fs::remove_file(path(address));
        let listener = UnixListener::bind(path(address)).unwrap();
        let seen = seen();
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut all = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    all.spawn(serve(stream, number, Arc::clone(&seen)));
                }
            }
        });
        Self {
            id: id(number),
            address: address.clone(),
            protocol: AppProtocol::Http1,
            seen,
            task,
            _directory: None,
        }
    }

    /// The same that speaks HTTP/2 and nothing else.
    pub(crate) fn h2c(number: u32) -> Self {
        Self::h2c_by(number, |_| {})
    }

    /// The same with limits of its own.
    pub(crate) fn h2c_by(number: u32, limits: impl Fn(&mut Http2<TokioExecutor>)) -> Self {
        let (directory, address) = unix();
        let listener = UnixListener::bind(path(&address)).unwrap();
        let seen = seen();
        let mut server = Http2::new(TokioExecutor::new());
        limits(&mut server);
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut all = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    let (seen, server) = (Arc::clone(&seen), server.clone());
                    all.spawn(async move {
                        let mine = Arc::clone(&seen);
                        let handle = service_fn(move |request| answer(request, number, Arc::clone(&mine)));
                        let _ = server.serve_connection(TokioIo::new(stream), handle).await;
                        seen.closed.fetch_add(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self { id: id(number), address, protocol: AppProtocol::H2c, seen, task, _directory: Some(directory) }
    }

    /// The same on TCP.
    pub(crate) async fn tcp(number: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        let seen = seen();
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut all = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    all.spawn(serve(stream, number, Arc::clone(&seen)));
                }
            }
        });
        Self { id: id(number), address, protocol: AppProtocol::Http1, seen, task, _directory: None }
    }

    /// One that does with each connection what `script` says; the argument counts them from 0.
    pub(crate) fn scripted<F: Future<Output = io::Result<()>> + Send + 'static>(
        number: u32,
        script: impl Fn(usize, UnixStream, Arc<Seen>) -> F + Send + Sync + 'static,
    ) -> Self {
        let (directory, address) = unix();
        let listener = UnixListener::bind(path(&address)).unwrap();
        let seen = seen();
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut all = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let n = seen.connections.fetch_add(1, Ordering::SeqCst);
                    all.spawn(script(n, stream, Arc::clone(&seen)));
                }
            }
        });
        Self {
            id: id(number),
            address,
            protocol: AppProtocol::Http1,
            seen,
            task,
            _directory: Some(directory),
        }
    }

    /// An address at which nobody listens.
    pub(crate) fn absent(number: u32) -> Self {
        let (directory, address) = unix();
        let task = tokio::spawn(async {});
        Self {
            id: id(number),
            address,
            protocol: AppProtocol::Http1,
            seen: seen(),
            task,
            _directory: Some(directory),
        }
    }

    /// Ends it as a crash would: the listener and all connections are closed.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, number: u32, seen: Arc<Seen>) {
    seen.connections.fetch_add(1, Ordering::SeqCst);
    let mine = Arc::clone(&seen);
    let handle = service_fn(move |request| answer(request, number, Arc::clone(&mine)));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), handle);
    let _ = connection.with_upgrades().await;
    seen.closed.fetch_add(1, Ordering::SeqCst);
}

fn text(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed())
}

async fn answer(request: Request<Incoming>, number: u32, seen: Arc<Seen>) -> io::Result<Response<Body>> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if seen.ill.load(Ordering::SeqCst) {
        let mut response = text("ill");
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(response);
    }
    Ok(match path.as_str() {
        "/gate" => {
            seen.gate.acquire().await.unwrap().forget();
            text("through")
        }
        "/headers" => {
            let mut lines: Vec<_> =
                request.headers().iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
            lines.sort();
            text(lines.join("\n"))
        }
        "/answer-headers" => {
            let mut response = text("ok");
            let headers = response.headers_mut();
            headers.insert("connection", "x-secret".parse().unwrap());
            headers.insert("x-secret", "1".parse().unwrap());
            headers.insert("keep-alive", "timeout=5".parse().unwrap());
            headers.insert("x-kept", "2".parse().unwrap());
            response
        }
        "/close" => {
            let mut response = text("closing");
            response.headers_mut().insert("connection", "close".parse().unwrap());
            response
        }
        "/status" => {
            let mut response = text("");
            *response.status_mut() = query.parse().unwrap();
            response
        }
        "/echo" => {
            let body = request.into_body().map_err(io::Error::other);
            Response::new(body.boxed())
        }
        "/length" => {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                length += frame.map_err(io::Error::other)?.data_ref().map_or(0, Bytes::len);
            }
            text(length.to_string())
        }
        "/large" => {
            let bytes: usize = query.parse().unwrap();
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            Response::new(BoxBody::new(Chunks { chunk, left: bytes }))
        }
        "/trailers" => {
            let mut response = Response::new(BoxBody::new(Trailed(Some("body"), Some("7"))));
            response.headers_mut().insert("trailer", "x-sum".parse().unwrap());
            response
        }
        "/upgrade" => {
            tokio::spawn(async move {
                let mut io = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
                io.write_all(b"hello ").await.unwrap();
                let mut bytes = [0; 1024];
                while let Ok(n @ 1..) = io.read(&mut bytes).await {
                    io.write_all(&bytes[..n]).await.unwrap();
                }
            });
            let mut response = text("");
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert("connection", "Upgrade".parse().unwrap());
            response.headers_mut().insert("upgrade", "echo".parse().unwrap());
            response
        }
        _ => text(format!("{number} {path}")),
    })
}

/// A body of so many bytes, in chunks, without a length.
struct Chunks {
    chunk: Bytes,
    left: usize,
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
        let now = self.left.min(self.chunk.len());
        self.left -= now;
        std::task::Poll::Ready((now > 0).then(|| Ok(Frame::data(self.chunk.slice(..now)))))
    }
}

/// A body with a trailer.
struct Trailed(Option<&'static str>, Option<&'static str>);

impl hyper::body::Body for Trailed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
        let data = self.0.take().map(|data| Frame::data(Bytes::from(data)));
        let trailers =
            |value: &str| [("x-sum".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        let next = data.or_else(|| self.1.take().map(|value| Frame::trailers(trailers(value))));
        std::task::Poll::Ready(next.map(Ok))
    }
}

/// Reads a request's head (and what came along), as a server does that looks at bytes only.
pub(crate) async fn read_head(stream: &mut UnixStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A whole answer.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
