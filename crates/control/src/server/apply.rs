//! Make apps as a file has them.
//!
//! Everything that can be refused is refused before anything changes: routes that clash, addresses that are
//! in use, releases that cannot be made. Then all apps take over what is new in one step: a route
//! that moves from one to another is never nobody's.

use super::Api;
use super::answer::Answer;
use super::limits;
use super::process;
use super::tls;
use crate::access::Rights;
use crate::admin::Prepared;
use crate::core::Core;
use crate::engine::{Engine, NewRelease, Plan, World, in_order};
use axum::Json;
use axum::extract::State;
use gapless_api::request::ControlSettings;
use gapless_api::{Applied, ApplyRequest, ApplyResult, ErrorBody};
use gapless_model::route::RouteSpec;
use gapless_model::{AppSpec, Release, RolloutKind};
use gapless_release::Order;
use std::collections::BTreeMap;

/// What `apply` would do, without doing it.
pub(super) async fn check(
    State(api): State<Api>,
    Json(request): Json<ApplyRequest>,
) -> Answer<Vec<(String, Vec<String>)>> {
    if let Some(admin) = &request.admin {
        api.admin.prepare(admin)?;
    }
    rights(request.control.as_ref()).await?;
    process::check(&request.apps).await?;
    let wanted = tls::prepare(request.tls, &api.home).await;
    let plans = api.desk.ask(move |core| {
        core.engine.check_routes(&request.apps)?;
        core.engine.check_order(&request.apps)?;
        let redirects = tls::check(core, &request.apps, wanted.as_ref())?;
        core.listeners.try_bind(&routes(&request.apps, &redirects))?;
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

async fn apply_all(api: &Api, request: ApplyRequest) -> Answer<ApplyResult> {
    let ApplyRequest { apps, base_env, proxy, admin, control, tls } = request;
    let rights = rights(control.as_ref()).await?;
    process::check(&apps).await?;
    let prepared = admin.as_ref().map(|admin| api.admin.prepare(admin)).transpose()?;
    prepared.as_ref().map_or(Ok(()), Prepared::keep_token)?;
    let wanted = tls::prepare(tls, &api.home).await;
    let asked = apps.clone();
    let (steps, orders, wanted) = api
        .desk
        .ask(move |core| {
            core.engine.check_routes(&apps)?;
            core.engine.check_order(&apps)?;
            let redirects = tls::check(core, &apps, wanted.as_ref())?;
            core.listeners.bind(&routes(&apps, &redirects))?;
            let (steps, orders) = plan(core, in_order(apps), &base_env);
            Ok::<_, ErrorBody>((steps, orders, wanted))
        })
        .await??;
    open_doors(api, rights.as_ref())?;
    let made = if orders.is_empty() { Ok(Vec::new()) } else { api.disk.make(orders).await };
    let made = made.inspect_err(|_| {
        // As it was. That it was so before is why it can be so again.
        let _ = open_doors(api, rights.as_ref().map(|_| api.access.rights()).as_ref());
    })?;
    let applied = api.desk.ask(move |core| {
        if let Some(proxy) = proxy {
            core.engine.set_access_log(proxy.access_log);
            core.engine.set_error_pages(proxy.error_pages.clone());
            core.engine.set_trust(proxy.trust.clone());
            core.set_proxy(proxy);
        }
        if let Some(admin) = admin {
            core.set_admin(admin);
        }
        if let Some(control) = &control {
            core.set_control(control);
        }
        if let Some(wanted) = wanted {
            core.set_tls(wanted);
        }
        let mut made = made.into_iter();
        let step = |step: Step| {
            let name = step.spec.name.clone();
            let applied = match core.act(|engine, world| step.take(&mut made, engine, world))? {
                Applied::Rollout { ticket, changes } => {
                    Applied::Rollout { ticket: core.foresee(&name, ticket), changes }
                }
                applied => applied,
            };
            Ok((name, applied))
        };
        let apps = steps.into_iter().map(step).collect::<Result<Vec<_>, ErrorBody>>()?;
        let names: Vec<_> = apps.iter().map(|(name, _)| name.clone()).collect();
        Ok::<_, ErrorBody>((apps, core.engine.not_waited_for(&names)))
    });
    let (apps, mut warnings) = applied.await??;
    if let Some(rights) = rights {
        api.access.set(rights);
    }
    if let Some(prepared) = prepared {
        api.admin.move_to(prepared, api.looks.clone());
    }
    let others = api.desk.ask(move |core| {
        let mut warnings = core.keychain.warnings(&core.engine.tls_hosts());
        warnings.extend(limits::warnings(core, &asked));
        warnings
    });
    warnings.extend(others.await?);
    Ok(Json(ApplyResult { apps, warnings }))
}

/// Opens the home and the control socket as far as these rights want it; not at all differently if it cannot be.
fn open_doors(api: &Api, rights: Option<&Rights>) -> Result<(), ErrorBody> {
    let Some(rights) = rights else { return Ok(()) };
    rights.open_doors(&api.home).inspect_err(|_| {
        let _ = api.access.rights().open_doors(&api.home);
    })
}

/// What a `[control]` table means, and nobody else waits for the name service meanwhile.
async fn rights(control: Option<&ControlSettings>) -> Result<Option<Rights>, ErrorBody> {
    let Some(settings) = control.cloned() else { return Ok(None) };
    let asked = tokio::task::spawn_blocking(move || Rights::of(&settings)).await;
    asked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())).map(Some)
}

/// What one app needs.
struct Step {
    spec: AppSpec,
    settings: Vec<String>,
    /// What changes by its new release, if it needs one.
    release: Option<Vec<String>>,
    start: bool,
}

/// What each app needs, and the releases to be made, in the same order.
fn plan(core: &mut Core, apps: Vec<AppSpec>, base_env: &BTreeMap<String, String>) -> (Vec<Step>, Vec<Order>) {
    let mut orders = Vec::new();
    let step = |spec: AppSpec| {
        let Plan { settings, release, start } = core.engine.plan(&spec);
        let release = release.map(|(order, changes)| {
            let id = core.engine.reserve_release(&spec.name);
            orders.push(order.numbered(id, base_env.clone()));
            changes
        });
        Step { spec, settings, release, start }
    };
    (apps.into_iter().map(step).collect(), orders)
}

impl Step {
    /// Takes it, with its release from those that were made.
    fn take(
        self,
        made: &mut impl Iterator<Item = Release>,
        engine: &mut Engine,
        world: &mut World<'_>,
    ) -> Result<Applied, ErrorBody> {
        let Self { spec: AppSpec { name, settings: wanted, .. }, mut settings, release, start } = self;
        engine.configure(&name, &wanted, world);
        if let Some(changes) = release
            && let Some(made) = made.next()
        {
            let release = NewRelease::Made(Box::new(made));
            let ticket = engine.begin_rollout(&name, release, RolloutKind::Up, world)?;
            settings.extend(changes);
            return Ok(Applied::Rollout { ticket, changes: settings });
        }
        if start {
            engine.start(&name, world)?;
            return Ok(Applied::Started);
        }
        if !settings.is_empty() {
            return Ok(Applied::Settings { changes: settings });
        }
        // Somebody else has asked for it before, and how that ends is how this ends.
        let under_way = engine.under_way(&name);
        Ok(under_way.map_or(Applied::Unchanged, |ticket| Applied::Rollout { ticket, changes: Vec::new() }))
    }
}

/// Where apps are to be reached, their releases that are not public, and plain HTTP that is sent to https.
fn routes(specs: &[AppSpec], redirects: &[RouteSpec]) -> Vec<RouteSpec> {
    let of = |spec: &AppSpec| {
        let settings = &spec.settings;
        let at = |listen| RouteSpec { listen, host: None, path: "/".to_owned(), tls: false };
        let preview = settings.rollout.preview.filter(|_| !settings.routes.is_empty()).map(at);
        settings.routes.iter().cloned().chain(preview).collect::<Vec<_>>()
    };
    specs.iter().flat_map(of).chain(redirects.iter().cloned()).collect()
}
