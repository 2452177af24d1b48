//! The half of an app that is more numbers than meaning.

use super::{order, rollout};
use crate::document::{Section, Value};
use crate::keys::{APP, Kind, Table};
use crate::problem::{Problem, Problems};
use crate::text::duration;
use gapless_model::app::{DrainSpec, HoldSpec, LogSpec, RestartSpec, RetrySpec};
use gapless_model::balance::BalanceSpec;
use gapless_model::limits::LimitSpec;
use gapless_model::release::StopSpec;
use gapless_model::route::RouteSpec;
use gapless_model::{AppSettings, ErrorPages, Instances};

/// How an app is run and served.
pub(super) fn of_app(app: &Section, routes: Vec<RouteSpec>, problems: &mut Problems) -> AppSettings {
    let instances = match app.get("instances") {
        Some(Value::Max) => Instances::Max,
        _ => Instances::Count(app.small("instances")),
    };
    AppSettings {
        instances,
        after: order::of_app(app),
        drain: within(app, "drain", |s| DrainSpec {
            timeout: s.duration("timeout"),
            websocket: s.word("websocket"),
            websocket_timeout: s.duration("websocket_timeout"),
            websocket_window: s.duration("websocket_window"),
        }),
        restart: within(app, "restart", |s| restart(s, problems)),
        rollout: within(app, "rollout", |s| rollout::of_app(s, !routes.is_empty(), problems)),
        routes,
        logs: within(app, "logs", |s| LogSpec {
            max_size: s.number("max_size"),
            max_age: s.duration("max_age"),
            keep: s.small("keep"),
        }),
        hold: within(app, "hold", |s| HoldSpec {
            max_requests: s.small("max_requests"),
            max_bytes: s.number("max_bytes"),
            timeout: s.duration("timeout"),
        }),
        retry: within(app, "retry", |s| RetrySpec {
            non_idempotent: s.flag("non_idempotent"),
            max_body: s.number("max_body"),
        }),
        balance: within(app, "balance", |s| BalanceSpec {
            eject_after: match s.get("eject_after") {
                Some(Value::Number(_)) => Some(s.small("eject_after")),
                _ => None,
            },
            slow_start: s.duration("slow_start"),
            sticky: match s.get("sticky") {
                Some(Value::Text(name)) => Some(name.clone()),
                _ => None,
            },
        }),
        limits: within(app, "limits", |s| LimitSpec {
            max_body: size_if_said(s, "max_body"),
            max_head: size_if_said(s, "max_head"),
            body_timeout: s.duration("body_timeout"),
        }),
        max_memory: size_if_said(app, "max_memory"),
        // Of files: read by who knows where they are.
        error_pages: ErrorPages::default(),
    }
}

/// A size that has no default.
fn size_if_said(section: &Section, key: &str) -> Option<u64> {
    matches!(section.get(key), Some(Value::Number(_))).then(|| section.number(key))
}

/// How an instance is stopped.
pub(super) fn stop(app: &Section) -> StopSpec {
    within(app, "stop", |s| StopSpec {
        signal: s.signal("signal"),
        to: s.word("to"),
        timeout: s.duration("timeout"),
    })
}

/// Reads a table of the app; one that is not there reads as its defaults.
fn within<T>(app: &Section, name: &str, read: impl FnOnce(&Section) -> T) -> T {
    match app.section(name) {
        Some(section) => read(section),
        None => read(&Section::empty(table(name), format!("{}.{name}", app.path), app.span)),
    }
}

fn table(name: &str) -> &'static Table {
    match APP.key(name).map(|key| &key.kind) {
        Some(Kind::Table(table)) => table,
        _ => &APP,
    }
}

fn restart(section: &Section, problems: &mut Problems) -> RestartSpec {
    let spec = RestartSpec {
        policy: section.word("policy"),
        backoff: section.duration("backoff"),
        backoff_max: section.duration("backoff_max"),
        stable_after: section.duration("stable_after"),
    };
    if spec.backoff > spec.backoff_max {
        let problem =
            Problem::new(format!("the first delay in [{}] is longer than the longest", section.path));
        let problem = match (section.mentions("backoff"), section.mentions("backoff_max")) {
            (true, true) => problem
                .at(section.place("backoff"), "the first")
                .at(section.place("backoff_max"), "the longest"),
            (true, false) => {
                let label = format!("`backoff_max` is {} by default", duration::show(spec.backoff_max));
                problem.at(section.place("backoff"), label)
            }
            _ => {
                let label = format!("`backoff` is {} by default", duration::show(spec.backoff));
                problem.at(section.place("backoff_max"), label)
            }
        };
        problems.add(problem.help("make `backoff_max` at least as long as `backoff`"));
    }
    spec
}
