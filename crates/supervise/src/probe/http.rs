//! What does it answer to `GET`?

use crate::address::Connection;
use crate::target::Target;
use gapless_model::probe::ProbeAnswer;
use gapless_model::release::AppProtocol;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// As much of a body as is shown, in bytes.
const SHOWN: usize = 200;

/// `GET path` over a connection of its own; only 2xx is a success.
pub(super) async fn get(target: &Target, path: &str) -> ProbeAnswer {
    let protocol = target.offer.protocol;
    match target.connect().await {
        Ok(Connection::Unix(stream)) => exchange(stream, protocol, path).await,
        Ok(Connection::Tcp(stream)) => exchange(stream, protocol, path).await,
        Err(unreachable) => Ok(unreachable.into()),
    }
    .unwrap_or_else(|message| ProbeAnswer::Error { message })
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: AppProtocol,
    path: &str,
) -> Result<ProbeAnswer, String> {
    let asked = Request::get(path).header(USER_AGENT, "gapless-probe");
    let asked = match protocol {
        AppProtocol::Http1 => asked.header(HOST, "localhost").header(CONNECTION, "close"),
        AppProtocol::H2c => asked.uri(format!("http://localhost{path}")),
    };
    let asked = asked
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("{path:?} cannot be asked for: {error}"))?;
    let io = TokioIo::new(stream);
    let (answer, name) = match protocol {
        AppProtocol::Http1 => (by_http1(io, asked).await, "HTTP"),
        // Few apps have it, and it is large.
        AppProtocol::H2c => (Box::pin(by_http2(io, asked)).await, "HTTP/2"),
    };
    answer.map_err(|error| format!("no {name} answer: {error}"))
}

async fn by_http1(
    io: TokioIo<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    asked: Request<Empty<Bytes>>,
) -> hyper::Result<ProbeAnswer> {
    let (mut sender, connection) = http1::handshake(io).await?;
    drive(connection, sender.send_request(asked)).await
}

async fn by_http2(
    io: TokioIo<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    asked: Request<Empty<Bytes>>,
) -> hyper::Result<ProbeAnswer> {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    drive(connection, sender.send_request(asked)).await
}

async fn drive(
    connection: impl Future,
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
) -> hyper::Result<ProbeAnswer> {
    let answer = async { Ok(judge(answer.await?).await) };
    // The connection does the work, the answer comes of it; the connection may be done before.
    let (mut connection, mut answer) = (pin!(connection), pin!(answer));
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = &mut connection, if open => open = false,
        }
    }
}

async fn judge(response: Response<Incoming>) -> ProbeAnswer {
    if response.status().is_success() {
        return ProbeAnswer::Passed;
    }
    let location = response.headers().get(LOCATION);
    ProbeAnswer::Status {
        code: response.status().as_u16(),
        location: location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        body: beginning_of(response.into_body()).await,
    }
}

/// The first bytes of a body, as text; what came before an error if there is one.
async fn beginning_of(mut body: Incoming) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < SHOWN {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend(frame.data_ref().into_iter().flatten()),
            Some(Err(_)) | None => break,
        }
    }
    bytes.truncate(SHOWN);
    String::from_utf8_lossy(&bytes).trim().to_owned()
}
