//! One request to a new release, and whether the answer is right.

use axum::body::Bytes;
use gapless_model::app::VerifyCheck;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How often it is asked again when nobody answers.
const AGAIN: Duration = Duration::from_millis(100);

/// The longest body that is looked through, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// A question.
pub(super) struct Ask<'a> {
    pub(super) address: SocketAddr,
    /// The `Host` header, if not the address.
    pub(super) host: Option<&'a str>,
    /// It is asked as if by https: an app that sends others there answers.
    pub(super) secure: bool,
    pub(super) check: &'a VerifyCheck,
}

impl Ask<'_> {
    /// Asks until there is an answer. A wrong one is final; that there is none may be the way there.
    ///
    /// `doing` is what is to be said if it is not waited for any longer.
    pub(super) async fn until_answered(&self, doing: &mut String) -> Result<(), String> {
        let asked = format!("GET {}", self.check.path);
        *doing = format!("{asked} got no answer");
        loop {
            match self.once().await {
                Ok((status, _)) if status != self.check.status => {
                    return Err(format!("{asked} answered {status}, not {}", self.check.status));
                }
                Ok((_, body)) => return self.judge(&asked, &body),
                Err(error) => *doing = format!("{asked} got no answer ({error})"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn judge(&self, asked: &str, body: &[u8]) -> Result<(), String> {
        let Some(wanted) = &self.check.contains else { return Ok(()) };
        let found = String::from_utf8_lossy(body).contains(wanted.as_str());
        if found { Ok(()) } else { Err(format!("the answer to {asked} does not contain {wanted:?}")) }
    }

    async fn once(&self) -> Result<(u16, Bytes), String> {
        let host = self.host.map_or_else(|| self.address.to_string(), str::to_owned);
        let request = Request::get(&self.check.path)
            .header(HOST, host)
            .header(USER_AGENT, "gapless-verify")
            .header(CONNECTION, "close")
            .header("x-forwarded-proto", if self.secure { "https" } else { "http" })
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let said = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        // Ends with the answer, or with us.
        let mut driver = tokio::task::JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let response: Response<_> = sender.send_request(request).await.map_err(said)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    }
}
