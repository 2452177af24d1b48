//! What Prometheus reads.

use super::answer::Failed;
use crate::admin::Token;
use crate::core::Desk;
use crate::metrics::{CONTENT_TYPE, page};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE as NAME, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gapless_model::WallTime;
use std::io;
use std::net::TcpListener;
use tokio::sync::watch;

/// What those need who may only look.
#[derive(Debug, Clone)]
pub(crate) struct Looks {
    /// The way into the loop.
    pub(crate) desk: Desk,
    /// When control began.
    pub(crate) since: WallTime,
}

impl Looks {
    /// Serves the admin address to those who know the token, until the future is dropped.
    ///
    /// # Errors
    /// Those of accepting.
    pub(crate) async fn serve(self, socket: TcpListener, token: watch::Receiver<Token>) -> io::Result<()> {
        let router = Router::new().route("/metrics", get(metrics)).route("/v1/metrics", get(metrics));
        let router = router.layer(middleware::from_fn_with_state(token, knowing));
        axum::serve(tokio::net::TcpListener::from_std(socket)?, router.with_state(self)).await
    }
}

/// Lets those in who know the token, whatever they ask for.
async fn knowing(State(token): State<watch::Receiver<Token>>, request: Request, next: Next) -> Response {
    let stranger = {
        let token = token.borrow();
        (!token.is_known_by(request.headers())).then(|| {
            format!("this needs the header `Authorization: Bearer TOKEN`, with what is in {}\n", token.file())
        })
    };
    match stranger {
        Some(said) => {
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer realm=\"gapless\"")], said).into_response()
        }
        None => next.run(request).await,
    }
}

pub(super) async fn metrics(State(looks): State<Looks>) -> Result<Response, Failed> {
    let page = looks.desk.ask(move |core| page(core, looks.since)).await?;
    Ok(([(NAME, CONTENT_TYPE)], page).into_response())
}
