//! `gapless status`: a line per app, and loudly what is wrong.

use crate::render::figures::{bytes, counted, millis, split};
use crate::render::paint;
use crate::render::progress::waiting;
use crate::render::table::{Column, table};
use gapless_api::Status;
use gapless_api::status::{AppStatus, EjectedStatus};
use gapless_model::Unlimited;
use std::fmt::Write;
use std::time::Duration;

/// The whole answer.
pub(crate) fn status(status: &Status) -> String {
    let mut text = troubles(status);
    if status.apps.is_empty() {
        _ = writeln!(
            text,
            "no apps yet: `gapless up` starts those of a gapless.toml, `gapless start` a single one"
        );
    } else {
        text.push_str(&apps(&status.apps));
    }
    for app in &status.apps {
        text.push_str(&wrongs(app));
    }
    let gapless = &status.gapless;
    let line = format!(
        "gapless {}, {}, up for {}, in {}",
        gapless.version,
        counted(status.apps.len() as u64, "app"),
        millis(gapless.uptime_ms),
        gapless.home
    );
    _ = writeln!(text, "{}", paint::dim(line));
    text
}

/// What is wrong with Gapless itself.
pub(crate) fn troubles(status: &Status) -> String {
    let mut text = String::new();
    for trouble in &status.gapless.troubles {
        _ = writeln!(text, "{} {trouble}", paint::bad("trouble:"));
    }
    let served = |app: &AppStatus| app.wanted > 0 && !app.routes.is_empty();
    if status.gapless.proxy_pid.is_none() && status.apps.iter().any(served) {
        _ = writeln!(text, "{} the proxy does not run: nothing is served", paint::bad("trouble:"));
    }
    text
}

/// The table of apps.
fn apps(apps: &[AppStatus]) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("app"),
        Text("release"),
        Number("ready"),
        Text("traffic"),
        Number("restarts"),
        Number("uptime"),
        Number("cpu"),
        Number("memory"),
        Number("req/s"),
        Text("waiting for"),
    ];
    table(&columns, apps.iter().map(row).collect())
}

fn row(app: &AppStatus) -> Vec<String> {
    let instances = &app.instances;
    let cpu: Option<f64> = instances.iter().map(|i| i.cpu_percent).fold(None, sum);
    let memory = instances.iter().filter_map(|i| i.memory).reduce(|a, b| a + b);
    let uptime = instances.iter().filter_map(|i| i.uptime_ms).max();
    let dash = || "-".to_owned();
    vec![
        app.name.to_string(),
        app.release.map_or_else(dash, |r| r.to_string()),
        if app.wanted == 0 && instances.is_empty() {
            "stopped".into()
        } else {
            format!("{}/{}", app.ready, app.wanted)
        },
        split(&app.split),
        instances.iter().map(|i| i.restarts).sum::<u32>().to_string(),
        uptime.map_or_else(dash, |ms| millis(ms).to_string()),
        cpu.map_or_else(dash, |percent| format!("{percent:.0}%")),
        memory.map_or_else(dash, bytes),
        if app.routes.is_empty() { dash() } else { rate(app.requests_per_second) },
        waits(app),
    ]
}

fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.map_or(b, |a| Some(a + b.unwrap_or(0.0)))
}

fn rate(per_second: f64) -> String {
    if per_second == 0.0 { "0".into() } else { format!("{per_second:.1}") }
}

/// Instances whose limits are not in force, those together that lack the same.
fn without_limits(app: &AppStatus) -> Vec<(&Unlimited, String)> {
    let mut all: Vec<(&Unlimited, String)> = Vec::new();
    for instance in &app.instances {
        let Some(lacks) = &instance.unlimited else { continue };
        match all.iter_mut().find(|(other, _)| *other == lacks) {
            Some((_, names)) => _ = write!(names, ", {}", instance.id),
            None => all.push((lacks, instance.id.to_string())),
        }
    }
    all
}

/// What an app waits for, the rollout's phase before it if one is in progress.
pub(crate) fn waits(app: &AppStatus) -> String {
    let mut text = String::new();
    if let Some(rollout) = &app.rollout {
        let paused = if rollout.paused.is_some() { ", paused" } else { "" };
        _ = write!(text, "{} to {} {}{paused}", rollout.kind.word(), rollout.to, rollout.phase.word());
    }
    if let Some(first) = app.waiting.first() {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&waiting(first, Duration::ZERO));
        if app.waiting.len() > 1 {
            _ = write!(text, ", {} more", app.waiting.len() - 1);
        }
    }
    text
}

/// What is wrong with an app, and with its instances.
pub(crate) fn wrongs(app: &AppStatus) -> String {
    let mut text = String::new();
    // A start or a stop that takes its time is nothing wrong: what it waits for is said elsewhere.
    let wrong = |state: &str| matches!(state, "unready" | "wedged" | "backoff" | "gone");
    for instance in app.instances.iter().filter(|instance| wrong(&instance.state)) {
        if let Some(detail) = &instance.detail {
            _ = writeln!(text, "{} {}: {detail}", paint::warn("!"), instance.id);
        }
    }
    for instance in &app.instances {
        if let Some(EjectedStatus { why, remaining_ms, workers }) = &instance.ejected {
            let (left, workers) = (millis(*remaining_ms), counted(u64::from(*workers), "worker"));
            _ = writeln!(
                text,
                "{} {}: ejected by {workers} for another {left}: {why}",
                paint::warn("!"),
                instance.id
            );
        }
    }
    for (lacks, instances) in without_limits(app) {
        let (sign, keys, why) = (paint::warn("!"), lacks.keys(), &lacks.why);
        _ = writeln!(text, "{sign} {instances}: without the limits that were asked for ({keys}): {why}");
    }
    if app.rollout.is_none()
        && let Some(why) = &app.last_failure
    {
        _ = writeln!(text, "{} {}: the last rollout did not complete: {why}", paint::warn("!"), app.name);
    }
    if app.traffic.failed > 0 {
        let lost = counted(app.traffic.failed, "request");
        _ = writeln!(text, "{} {}: {lost} lost since Gapless began", paint::warn("!"), app.name);
    }
    text
}
