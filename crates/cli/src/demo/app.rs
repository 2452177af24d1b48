//! The app of the demo: a small shop that answers within 5 to 20 ms, and knows nothing of Gapless.
//!
//! On purpose it does nothing about being stopped: a signal ends it in the middle of whatever it does, as it
//! does most apps. That nobody notices is not its merit.

use crate::internal::option;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UnixListener;

/// The header that says which version answered.
pub(crate) const VERSION: &str = "x-shop-version";

/// Where it is told to listen.
const SOCKET: &str = "GAPLESS_SOCKET";

/// One version of the shop.
#[derive(Debug)]
struct Shop {
    version: String,
    /// It never gets what it waits for, and says so.
    never_ready: bool,
    served: AtomicU64,
}

/// `gapless internal demo-app --release-version N [--never-ready]`: serves until a signal ends it.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let version = option(words, "--release-version").map_or("1".into(), |v| v.to_string_lossy().into_owned());
    let never_ready = words.iter().any(|word| word == "--never-ready");
    let shop = Shop { version, never_ready, served: AtomicU64::new(0) };
    match open(shop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("the shop cannot open: {e}");
            ExitCode::FAILURE
        }
    }
}

fn open(shop: Shop) -> io::Result<()> {
    let path = std::env::var_os(SOCKET)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{SOCKET} is not set")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = UnixListener::bind(path)?;
        println!("shop version {} listens", shop.version);
        if shop.never_ready {
            eprintln!("error: no connection to the database at db.internal:5432, trying again");
        }
        let shop = Arc::new(shop);
        loop {
            let (stream, _) = listener.accept().await?;
            let shop = Arc::clone(&shop);
            let service = service_fn(move |request| answer(Arc::clone(&shop), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn answer(shop: Arc<Shop>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = &shop.version;
    if request.uri().path() == "/ready" {
        return Ok(if shop.never_ready {
            response(503, format!("version {version}: still no database\n"))
        } else {
            response(200, "ready\n".into())
        });
    }
    let posted = request.method() == Method::POST;
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(response(400, "the order broke off\n".into())),
    };
    // Spread evenly over 5 to 20 ms, the same in every run.
    let n = shop.served.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5 + n * 7 % 16)).await;
    Ok(if posted {
        shop.response(format!("an order of {} bytes was taken\n", body.len()))
    } else {
        shop.response("these are the goods\n".into())
    })
}

impl Shop {
    /// A good answer, signed with the version.
    fn response(&self, text: String) -> Response<Full<Bytes>> {
        let mut response = response(200, text);
        if let Ok(version) = self.version.parse() {
            response.headers_mut().insert(VERSION, version);
        }
        response
    }
}

fn response(code: u16, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    if let Ok(code) = code.try_into() {
        *response.status_mut() = code;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    #[test]
    fn codes_are_those_that_were_meant() {
        assert_eq!(response(503, String::new()).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
