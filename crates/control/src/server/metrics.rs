//! What Prometheus reads.

use super::answer::Failed;
use crate::core::Desk;
use crate::metrics::{CONTENT_TYPE, page};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE as NAME;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gapless_model::WallTime;
use std::io;
use std::net::TcpListener;

/// What those need who may only look.
#[derive(Debug, Clone)]
pub(crate) struct Looks {
    /// The way into the loop.
    pub(crate) desk: Desk,
    /// When control began.
    pub(crate) since: WallTime,
}

impl Looks {
    /// Serves the admin address until the future is dropped.
    ///
    /// # Errors
    /// Those of accepting.
    pub(crate) async fn serve(self, socket: TcpListener) -> io::Result<()> {
        let router = Router::new().route("/metrics", get(metrics)).route("/v1/metrics", get(metrics));
        axum::serve(tokio::net::TcpListener::from_std(socket)?, router.with_state(self)).await
    }
}

pub(super) async fn metrics(State(looks): State<Looks>) -> Result<Response, Failed> {
    let page = looks.desk.ask(move |core| page(core, looks.since)).await?;
    Ok(([(NAME, CONTENT_TYPE)], page).into_response())
}
