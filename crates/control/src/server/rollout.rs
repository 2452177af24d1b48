//! Commands that begin a rollout, or steer one.

use super::Api;
use super::answer::{Answer, Failed, bad_request, done};
use crate::engine::{Cause, NewRelease, ReleaseOrder};
use axum::Json;
use axum::extract::{Path, State};
use camino::Utf8PathBuf;
use gapless_api::request::{DeployRequest, Done, ReloadRequest, RollbackRequest};
use gapless_api::{ErrorBody, ErrorKind, RolloutTicket};
use gapless_model::{AppName, Release, RolloutKind};
use gapless_release::Code;
use std::collections::BTreeMap;

/// New code: a release of its own, with the config that the app has.
pub(super) async fn deploy(
    State(api): State<Api>,
    Path(app): Path<AppName>,
    Json(request): Json<DeployRequest>,
) -> Answer<RolloutTicket> {
    let spec = latest(&api, &app).await?.declared();
    // What it names takes the place of what the file names; a `cwd` below it stays below it.
    let code = match (request.from.map(Utf8PathBuf::from), request.reference) {
        (Some(from), None) if from.is_absolute() => Code::Directory(from),
        (Some(from), None) => return Err(bad_request(format!("{from} is not an absolute path"))),
        (None, Some(name)) => Code::Ref { inside: spec.cwd.clone(), name },
        _ => return Err(bad_request("either a directory or a ref is deployed".to_owned())),
    };
    let order = ReleaseOrder { app: app.clone(), spec, reload_of: None, code: Some(code) };
    let made = make(&api, order, request.base_env).await?;
    let cause = Cause { kind: RolloutKind::Deploy, strategy: request.strategy };
    begin(&api, app, NewRelease::Made(Box::new(made)), cause).await
}

/// The same directory and config in new processes.
pub(super) async fn reload(
    State(api): State<Api>,
    Path(app): Path<AppName>,
    request: Option<Json<Option<ReloadRequest>>>,
) -> Answer<RolloutTicket> {
    let ReloadRequest { strategy } = request.and_then(|Json(request)| request).unwrap_or_default();
    let latest = latest(&api, &app).await?;
    let order = ReleaseOrder {
        app: app.clone(),
        spec: latest.declared(),
        reload_of: Some(latest.original()),
        code: latest.code.clone().map(Code::Directory),
    };
    let made = make(&api, order, latest.base_env).await?;
    let cause = Cause { kind: RolloutKind::Reload, strategy };
    begin(&api, app, NewRelease::Made(Box::new(made)), cause).await
}

/// An earlier release.
pub(super) async fn rollback(
    State(api): State<Api>,
    Path(app): Path<AppName>,
    Json(request): Json<RollbackRequest>,
) -> Answer<RolloutTicket> {
    let ticket = api.desk.ask(move |core| core.act(|engine, world| engine.rollback(&app, request.to, world)));
    Ok(Json(ticket.await??))
}

pub(super) async fn pause(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    let answer = api.desk.ask(move |core| core.act(|engine, world| engine.pause(&app, true, world)));
    Ok(done(answer.await??))
}

pub(super) async fn resume(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    let answer = api.desk.ask(move |core| core.act(|engine, world| engine.pause(&app, false, world)));
    Ok(done(answer.await??))
}

pub(super) async fn abort(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    Ok(done(api.desk.ask(move |core| core.act(|engine, world| engine.abort(&app, world))).await??))
}

pub(super) async fn promote(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    Ok(done(api.desk.ask(move |core| core.act(|engine, world| engine.promote(&app, world))).await??))
}

/// Makes a release on disk. Nothing else has changed if that fails but that its number is used up.
async fn make(api: &Api, order: ReleaseOrder, base_env: BTreeMap<String, String>) -> Result<Release, Failed> {
    let name = order.app.clone();
    let id = api.desk.ask(move |core| core.engine.reserve_release(&name)).await?;
    let made = api.disk.make(vec![order.numbered(id, base_env)]).await?;
    made.into_iter().next().ok_or_else(|| bad_request(format!("{id} was not made")))
}

/// Begins a rollout, or lets it wait.
async fn begin(api: &Api, app: AppName, release: NewRelease, cause: Cause) -> Answer<RolloutTicket> {
    let ticket = api.desk.ask(move |core| {
        let begun = core.act(|engine, world| engine.begin_rollout(&app, release, cause, world));
        begun.map(|ticket| core.foresee(&app, ticket))
    });
    Ok(Json(ticket.await??))
}

async fn latest(api: &Api, app: &AppName) -> Result<Release, Failed> {
    let name = app.clone();
    let latest = api.desk.ask(move |core| {
        let app = core.engine.known(&name)?;
        app.latest().cloned().ok_or_else(|| ErrorBody {
            kind: ErrorKind::Conflict,
            message: format!("{name} has no release yet"),
            hint: Some("`gapless up` makes the first".to_owned()),
            about: None,
        })
    });
    Ok(latest.await??)
}
