//! Make apps as a file has them.
//!
//! Everything that can be refused is refused before anything changes: routes that clash, addresses that are
//! in use. Then the settings of all apps in one step, then app by app a release where one is needed.

use super::Api;
use super::answer::Answer;
use super::rollout::{begin, make};
use crate::core::Core;
use crate::engine::{NewRelease, Plan};
use axum::Json;
use axum::extract::State;
use gapless_api::{Applied, ApplyRequest, ApplyResult, ErrorBody};
use gapless_model::route::RouteSpec;
use gapless_model::{AppName, AppSettings, AppSpec, RolloutKind};

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
    // By itself: a client that goes away must not leave half of it done.
    let applied = tokio::spawn(async move {
        let _one_at_a_time = api.applying.lock().await;
        let result = apply_all(&api, request).await;
        // Those that were bound for an app that then could not be made.
        api.desk.ask(|core| core.close_unwanted_listeners()).await?;
        result
    });
    applied.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// An app as it was, and what it takes to make it as it should be.
struct Step {
    spec: AppSpec,
    plan: Plan,
    /// None if there was no such app.
    before: Option<AppSettings>,
}

async fn apply_all(api: &Api, request: ApplyRequest) -> Answer<ApplyResult> {
    let ApplyRequest { apps, base_env, proxy } = request;
    let begun = api.desk.ask(move |core| {
        core.engine.check_routes(&apps)?;
        core.listeners.bind(&routes(&apps))?;
        if let Some(proxy) = proxy {
            core.engine.set_access_log(proxy.access_log);
            core.set_proxy(proxy);
        }
        Ok::<_, ErrorBody>(configure(core, apps))
    });
    let steps = begun.await??;

    let undo: Vec<_> = steps.iter().map(|step| (step.spec.name.clone(), step.before.clone())).collect();
    let mut results = Vec::with_capacity(steps.len());
    for Step { spec, plan, .. } in steps {
        let name = spec.name;
        match apply_one(api, name.clone(), plan, base_env.clone()).await {
            Ok(applied) => results.push((name, applied)),
            Err(error) => {
                api.desk.ask(move |core| take_back(core, undo)).await?;
                return Err(error);
            }
        }
    }
    Ok(Json(ApplyResult { apps: results }))
}

/// Takes over the settings of all apps in one step: a route that moves from one to the other is never
/// nobody's.
fn configure(core: &mut Core, apps: Vec<AppSpec>) -> Vec<Step> {
    let steps = apps.into_iter().map(|spec| Step {
        plan: core.engine.plan(&spec),
        before: core.engine.known(&spec.name).ok().map(|app| app.settings.clone()),
        spec,
    });
    let steps: Vec<Step> = steps.collect();
    core.act(|engine, world| {
        for step in &steps {
            engine.configure(&step.spec.name, &step.spec.settings, world);
        }
    });
    steps
}

/// Settings are as they were, and apps that have come to nothing are gone.
fn take_back(core: &mut Core, apps: Vec<(AppName, Option<AppSettings>)>) {
    let before: Vec<_> = apps.iter().filter_map(|(_, before)| before.as_ref()).collect();
    let routes: Vec<_> = before.iter().flat_map(|settings| &settings.routes).collect();
    if let Err(error) = core.listeners.bind(&routes) {
        tracing::error!("a listener that was given up for settings that are taken back is lost: {error}");
    }
    core.act(|engine, world| {
        for (name, before) in apps {
            let made = engine.app(&name).is_some_and(|app| app.latest().is_some());
            match before {
                Some(settings) => engine.configure(&name, &settings, world),
                None if made => {}
                // It was defined a moment ago.
                None => drop(engine.delete(&name, world)),
            }
        }
    });
}

fn routes(specs: &[AppSpec]) -> Vec<&RouteSpec> {
    specs.iter().flat_map(|spec| &spec.settings.routes).collect()
}

async fn apply_one(
    api: &Api,
    name: AppName,
    plan: Plan,
    base_env: std::collections::BTreeMap<String, String>,
) -> Result<Applied, super::answer::Failed> {
    let Plan { settings, release, start } = plan;
    if let Some((order, mut changes)) = release {
        let made = make(api, order, base_env).await?;
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
