//! Make apps as a file has them.
//!
//! Everything that can be refused is refused before anything changes: routes that clash, addresses that are
//! in use. Then app by app: settings first, then a release where one is needed.

use super::Api;
use super::answer::Answer;
use super::rollout::{begin, make};
use crate::engine::{NewRelease, Plan};
use axum::Json;
use axum::extract::State;
use gapless_api::{Applied, ApplyRequest, ApplyResult, ErrorBody};
use gapless_model::route::RouteSpec;
use gapless_model::{AppSpec, RolloutKind};

/// What `apply` would do, without doing it.
pub(super) async fn check(
    State(api): State<Api>,
    Json(request): Json<ApplyRequest>,
) -> Answer<Vec<(String, Vec<String>)>> {
    let plans = api.desk.ask(move |core| {
        core.engine.check_routes(&request.apps)?;
        core.listeners.try_bind(&routes(&request.apps))?;
        let rows = request.apps.iter().map(|spec| {
            let plan = core.engine.plan(spec);
            let changes = plan.release.into_iter().flat_map(|(_, changes)| changes);
            (spec.name.to_string(), plan.settings.into_iter().chain(changes).collect())
        });
        Ok::<_, ErrorBody>(rows.collect())
    });
    Ok(Json(plans.await??))
}

pub(super) async fn apply(State(api): State<Api>, Json(request): Json<ApplyRequest>) -> Answer<ApplyResult> {
    let _one_at_a_time = api.applying.lock().await;
    let result = apply_all(&api, request).await;
    // Those that were bound for an app that then could not be made, and those that moved.
    api.desk.ask(|core| core.close_unwanted_listeners()).await?;
    result
}

async fn apply_all(api: &Api, request: ApplyRequest) -> Answer<ApplyResult> {
    let ApplyRequest { apps, base_env, proxy } = request;
    let specs = apps.clone();
    let plans: Vec<Plan> = api
        .desk
        .ask(move |core| {
            core.engine.check_routes(&specs)?;
            core.listeners.bind(&routes(&specs))?;
            if let Some(proxy) = proxy {
                core.engine.set_access_log(proxy.access_log);
                core.set_proxy(proxy);
            }
            Ok::<_, ErrorBody>(specs.iter().map(|spec| core.engine.plan(spec)).collect())
        })
        .await??;

    let mut results = Vec::with_capacity(apps.len());
    for (spec, plan) in apps.into_iter().zip(plans) {
        let name = spec.name.clone();
        results.push((name, apply_one(api, spec, plan, base_env.clone()).await?));
    }
    Ok(Json(ApplyResult { apps: results }))
}

fn routes(specs: &[AppSpec]) -> Vec<&RouteSpec> {
    specs.iter().flat_map(|spec| &spec.settings.routes).collect()
}

async fn apply_one(
    api: &Api,
    spec: AppSpec,
    plan: Plan,
    base_env: std::collections::BTreeMap<String, String>,
) -> Result<Applied, super::answer::Failed> {
    let Plan { settings, release, start } = plan;
    let AppSpec { name, settings: wanted, .. } = spec;
    let configured = name.clone();
    let new = api
        .desk
        .ask(move |core| {
            let new = core.engine.known(&configured).is_err();
            core.act(|engine, world| engine.configure(&configured, &wanted, world));
            new
        })
        .await?;
    if let Some((order, mut changes)) = release {
        let made = match make(api, order, base_env).await {
            Ok(made) => made,
            Err(error) => {
                if new {
                    // It has no release, so there is nothing to keep.
                    api.desk.ask(move |core| core.act(|e, w| e.delete(&name, w))).await?.ok();
                }
                return Err(error);
            }
        };
        let Json(ticket) = begin(api, name, NewRelease::Made(Box::new(made)), RolloutKind::Up).await?;
        changes.splice(0..0, settings);
        return Ok(Applied::Rollout { ticket, changes });
    }
    if start {
        api.desk.ask(move |core| core.act(|engine, world| engine.start(&name, world))).await??;
        return Ok(Applied::Started);
    }
    if !settings.is_empty() {
        return Ok(Applied::Settings { changes: settings });
    }
    // Somebody else has asked for it before, and how that ends is how this ends.
    let under_way = api.desk.ask(move |core| core.engine.under_way(&name)).await?;
    Ok(under_way.map_or(Applied::Unchanged, |ticket| Applied::Rollout { ticket, changes: Vec::new() }))
}
