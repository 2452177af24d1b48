//! The control socket: HTTP and JSON for the command line and for scripts. What each path takes and gives is
//! written down in [`gapless_api::request`].

mod answer;
mod apply;
mod apps;
mod durable;
mod follow;
mod halt;
mod judge;
mod limits;
mod lines;
mod logs;
mod metrics;
mod peer;
mod process;
mod rollout;
mod status;
mod tls;
mod upgrade;

use crate::access::{Access, Audit, Rights};
use crate::admin::Admin;
use crate::core::Desk;
use crate::disk::Disk;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use camino::Utf8PathBuf;
use gapless_store::Journal;
pub(crate) use metrics::Looks;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::net::UnixListener;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Api {
    /// The way into the loop.
    pub(crate) desk: Desk,
    /// For the history, and to know what is written.
    pub(crate) journal: Arc<Journal>,
    /// For making releases.
    pub(crate) disk: Disk,
    /// `GAPLESS_HOME`.
    pub(crate) home: Utf8PathBuf,
    /// When control began.
    pub(crate) began: std::time::Instant,
    /// What those need who may only look.
    pub(crate) looks: Looks,
    /// Where they do.
    pub(crate) admin: Admin,
    /// Who may ask for what.
    pub(crate) access: Access,
    /// Who did.
    pub(crate) audit: Audit,
    /// Held while apps are made as a file has them: one file at a time.
    pub(crate) applying: Arc<tokio::sync::Mutex<()>>,
    /// Whether everything is to end.
    pub(crate) halting: Arc<halt::Halting>,
    /// Ends control.
    pub(crate) ends: tokio::sync::mpsc::Sender<End>,
}

/// Why the API ends control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything is stopped.
    Down,
    /// The control of this program takes its place: the keeper, which is that program already, starts it; or, without
    /// one, control becomes it.
    Upgrade(std::path::PathBuf),
}

impl FromRef<Api> for Looks {
    fn from_ref(api: &Api) -> Self {
        api.looks.clone()
    }
}

/// Listens on the control socket, bound aside and renamed: whoever finds it finds somebody there, and may come
/// through who has the right to.
///
/// # Errors
/// Those of the file system.
pub(crate) fn bind(home: &camino::Utf8Path, rights: &Rights) -> io::Result<UnixListener> {
    let aside = home.join(".control.sock.new");
    if let Err(error) = std::fs::remove_file(&aside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&aside)?;
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600))?;
    if let Err(error) = rights.open_socket(&aside) {
        // For nobody but us, then; that is said where the home could not be opened either.
        tracing::error!("cannot open the control socket to others: {error}");
    }
    std::fs::rename(&aside, home.join(gapless_api::SOCKET))?;
    Ok(listener)
}

/// As much as the proxy can be told at once: a file with a thousand apps and their pages.
const MAX_BODY: usize = gapless_routing::frame::MAX_TEXT;

/// Serves until control ends.
///
/// # Errors
/// Those of accepting.
pub(crate) async fn serve(listener: UnixListener, api: Api) -> io::Result<()> {
    let app = "/v1/apps/{app}";
    let under = |name: &str| format!("{app}/{name}");
    let router = Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/metrics", get(metrics::metrics))
        .route("/v1/history", get(status::history))
        .route("/v1/check", post(apply::check))
        .route("/v1/apply", post(apply::apply))
        .route("/v1/down", post(apps::down))
        .route("/v1/halt", post(halt::halt))
        .route("/v1/upgrade", post(upgrade::upgrade))
        .route("/v1/rollouts/{id}/follow", get(follow::rollout))
        .route(app, delete(apps::delete))
        .route(&under("deploy"), post(rollout::deploy))
        .route(&under("reload"), post(rollout::reload))
        .route(&under("rollback"), post(rollout::rollback))
        .route(&under("pause"), post(rollout::pause))
        .route(&under("resume"), post(rollout::resume))
        .route(&under("abort"), post(rollout::abort))
        .route(&under("promote"), post(rollout::promote))
        .route(&under("restart"), post(apps::restart))
        .route(&under("stop"), post(apps::stop))
        .route(&under("start"), post(apps::start))
        .route(&under("scale"), post(apps::scale))
        .route(&under("follow"), get(follow::app))
        .route(&under("releases"), get(status::releases))
        .route(&under("logs"), get(logs::logs))
        .fallback(answer::no_such_path)
        .layer(from_fn_with_state(api.clone(), durable::answer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(api.clone(), judge::judge));
    let doorman = peer::Doorman::new(listener, api.access.clone());
    let service = router.with_state(api).into_make_service_with_connect_info::<peer::Caller>();
    axum::serve(doorman, service).await
}
