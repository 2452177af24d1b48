//! What runs, and what happened.

use super::Api;
use super::answer::{Answer, Failed};
use crate::clock;
use axum::Json;
use axum::extract::{Path, Query, State};
use gapless_api::request::ReleaseRow;
use gapless_api::status::{GaplessStatus, Status};
use gapless_api::{ErrorBody, ErrorKind};
use gapless_model::AppName;
use gapless_model::event::Event;
use serde::Deserialize;

pub(super) async fn status(State(api): State<Api>) -> Answer<Status> {
    let journal_trouble = api.journal.trouble();
    let (home, began) = (api.home.to_string(), api.began);
    let status = api.desk.ask(move |core| {
        let now = clock::now();
        let mut troubles = core.troubles.clone();
        troubles.extend(journal_trouble);
        troubles.extend(core.engine.troubles().iter().cloned());
        troubles.extend(core.local.troubles());
        troubles.extend(core.listeners.troubles());
        troubles.extend(core.keychain.troubles(now.wall));
        Status {
            gapless: GaplessStatus {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                keeper_pid: crate::keeper_pid(),
                control_pid: std::process::id(),
                proxy_pid: core.engine.proxy(),
                retiring_proxies: core.engine.retiring_proxies(),
                home,
                uptime_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                now: now.moment,
                troubles,
                tls: core.keychain.status(),
            },
            apps: core.engine.status(now, &core.usage),
        }
    });
    Ok(Json(status.await?))
}

/// Which events are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    app: Option<AppName>,
    limit: Option<usize>,
}

pub(super) async fn history(State(api): State<Api>, Query(which): Query<Which>) -> Answer<Vec<Event>> {
    match api.journal.history(which.app, which.limit.unwrap_or(50)).await {
        Ok(events) => Ok(Json(events)),
        Err(error) => Err(Failed(ErrorBody {
            kind: ErrorKind::Failed,
            message: format!("cannot read the history: {error}"),
            hint: None,
            about: None,
        })),
    }
}

pub(super) async fn releases(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Vec<ReleaseRow>> {
    let rows = api.desk.ask(move |core| {
        core.engine.known(&app)?;
        Ok::<_, ErrorBody>(core.engine.releases(&app))
    });
    Ok(Json(rows.await??))
}
