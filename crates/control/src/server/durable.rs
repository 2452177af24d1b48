//! Nobody is told that something is done or begun before it is written: a control that comes after this one
//! must know of it.

use super::Api;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;

/// How long a stuck disk is waited for. What was asked is done all the same, and `status` says what is wrong.
const STUCK: Duration = Duration::from_secs(2);

/// Answers what may have changed something once all is in the journal that was decided until then.
pub(super) async fn answer(State(api): State<Api>, request: Request, next: Next) -> Response {
    let asks_only = *request.method() == Method::GET;
    let response = next.run(request).await;
    if !asks_only {
        // Entries are written in their order, so an empty one comes after all others. That the disk is full is
        // no reason not to answer.
        drop(tokio::time::timeout(STUCK, api.journal.commit(Vec::new())).await);
    }
    response
}
