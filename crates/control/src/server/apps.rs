//! Commands about a whole app.

use super::answer::{Answer, done};
use super::{Api, End};
use crate::engine::Run;
use axum::Json;
use axum::extract::{Path, State};
use gapless_api::ErrorBody;
use gapless_api::request::{Done, ScaleRequest};
use gapless_model::AppName;

pub(super) async fn stop(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    Ok(done(api.desk.ask(move |core| core.act(|engine, world| engine.stop(&app, world))).await??))
}

pub(super) async fn start(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    Ok(done(api.desk.ask(move |core| core.act(|engine, world| engine.start(&app, world))).await??))
}

pub(super) async fn restart(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    Ok(done(api.desk.ask(move |core| core.act(|engine, world| engine.restart(&app, world))).await??))
}

pub(super) async fn delete(State(api): State<Api>, Path(app): Path<AppName>) -> Answer<Done> {
    let answer = api.desk.ask(move |core| core.act(|engine, world| engine.delete(&app, world)));
    Ok(done(answer.await??))
}

pub(super) async fn scale(
    State(api): State<Api>,
    Path(app): Path<AppName>,
    Json(to): Json<ScaleRequest>,
) -> Answer<Done> {
    let answer = api.desk.ask(move |core| core.act(|engine, world| engine.scale(&app, to.instances, world)));
    Ok(done(answer.await??))
}

/// Stops everything, then Gapless itself. The answer comes when every instance is gone.
pub(super) async fn down(State(api): State<Api>) -> Answer<Done> {
    let stopped = api.desk.ask(|core| {
        core.act(|engine, world| {
            // Those that are being deleted go by themselves.
            let stay = engine.apps().filter(|a| a.run != Run::Deleted);
            let names: Vec<AppName> = stay.map(|a| a.name.clone()).collect();
            for name in &names {
                engine.stop(name, world)?;
            }
            Ok::<usize, ErrorBody>(names.len())
        })
    });
    let apps = stopped.await??;
    let mut desk = api.desk.clone();
    while !desk.ask(|core| core.engine.is_idle()).await? {
        desk.changed().await?;
    }
    // Control may be gone before this is full; then somebody else has said so already.
    let _ = api.ends.send(End::Down).await;
    Ok(done(format!("{apps} apps are stopped, and Gapless is going down")))
}
