//! Before anything is done: may whoever asks do that? And every command is written down.

use super::Api;
use super::answer::Failed;
use super::peer::Caller;
use crate::access::{Audit, Right};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gapless_model::AppName;
use gapless_model::event::Asker;
use gapless_sys::peer::Peer;

/// Lets through who may, and says to others that they may not.
pub(super) async fn judge(
    State(api): State<Api>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let needs = if request.method() == Method::GET { Right::Look } else { Right::Command };
    let rights = api.access.rights();
    let may = rights.of_peer(&peer) >= needs;
    if may && !changes(&request) {
        return next.run(request).await;
    }
    let (command, app) = words(request.method(), request.uri().path());
    let by = named(&peer).await;
    if !may {
        let refusal = rights.refusal(&peer, &by.to_string(), needs);
        api.audit.refused(by, command, app);
        return Failed(refusal).into_response();
    }
    api.audit.asked(by, command, app);
    next.run(request).await
}

/// Whether it may change something.
fn changes(request: &Request) -> bool {
    request.method() != Method::GET && request.uri().path() != "/v1/check"
}

/// By name, and nobody else waits for the name service meanwhile.
async fn named(peer: &Peer) -> Asker {
    let asked = peer.clone();
    let named = tokio::task::spawn_blocking(move || Audit::asker(&asked)).await;
    named.unwrap_or(Asker { uid: peer.uid, user: None, pid: peer.pid, program: None })
}

/// A request in the words of the command line, and the app that it is about.
fn words(method: &Method, path: &str) -> (String, Option<AppName>) {
    let rest = path.strip_prefix("/v1/").unwrap_or(path);
    // Strangers choose these words; nobody's history is to be long because of them.
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    let Some((app, verb)) = rest.strip_prefix("apps/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
    else {
        return (short(rest), None);
    };
    let verb = if verb.is_empty() && *method == Method::DELETE { "delete" } else { verb };
    (short(&format!("{verb} {app}")), app.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_said_as_it_would_be_typed() {
        let said = |method: Method, path: &str| {
            let (words, app) = words(&method, path);
            (words, app.map(|app| app.to_string()))
        };
        let api = || Some("api".to_owned());
        assert_eq!(said(Method::POST, "/v1/apps/api/reload"), ("reload api".to_owned(), api()));
        assert_eq!(said(Method::DELETE, "/v1/apps/api"), ("delete api".to_owned(), api()));
        assert_eq!(said(Method::GET, "/v1/apps/api/logs"), ("logs api".to_owned(), api()));
        assert_eq!(said(Method::POST, "/v1/apply"), ("apply".to_owned(), None));
        assert_eq!(said(Method::POST, "/v1/apps//stop"), ("stop ".to_owned(), None));
        assert_eq!(said(Method::POST, &"x".repeat(9_000)).0.len(), 64);
    }
}
