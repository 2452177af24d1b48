//! One HTTP/1.1 connection, used by one client for one request at a time.

use crate::answer::Answer;
use crate::failure::{FailureKind, Loss};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The same socket once more, to look whether the server has closed it: hyper learns that only when the
    /// runtime gets round to polling it, which under load may be after the next request is written.
    socket: std::net::TcpStream,
    driver: AbortHandle,
}

/// What became of a request that was handed to a connection.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// A complete answer.
    Answered(Answer),
    /// Nothing was written: the server had closed the idle connection.
    Untouched,
    /// Something was written, and no complete answer came.
    Lost(Loss),
}

impl Connection {
    /// Connects to `target`.
    pub(crate) async fn open(target: SocketAddr) -> Result<Self, Loss> {
        let refused = |what: String| Loss::new(FailureKind::Refused, what);
        let (stream, socket) = connect(target).await.map_err(|e| refused(e.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| refused(e.to_string()))?;
        // Its errors reach the request in question by the sender.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, socket, driver })
    }

    /// Sends `request`, and reads the whole answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Attempt {
        if self.sender.ready().await.is_err() || !self.is_alive() {
            return Attempt::Untouched;
        }
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                // hyper gives back what it has written nothing of.
                return match error.take_message() {
                    Some(_unwritten) => Attempt::Untouched,
                    None => Attempt::Lost(Loss::before_answer(&error.into_error())),
                };
            }
        };
        let (head, mut incoming) = response.into_parts();
        let status = head.status.as_u16();
        let mut body = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => body.extend_from_slice(&data),
                Ok(Err(_trailers)) => {}
                Err(error) => return Attempt::Lost(Loss::within_answer(status, body.len(), &error)),
            }
        }
        Attempt::Answered(Answer { status, headers: head.headers, body: body.freeze() })
    }

    /// Whether the other end still has it open and has sent nothing while nothing was asked of it.
    fn is_alive(&self) -> bool {
        matches!(self.socket.peek(&mut [0]), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn connect(target: SocketAddr) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let socket = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, socket))
}
