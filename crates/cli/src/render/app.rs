//! `gapless status APP`: one app with its instances.

use crate::render::figures::{bytes, count, millis, split};
use crate::render::paint;
use crate::render::progress::waiting;
use crate::render::status::wrongs;
use crate::render::table::{Column, table};
use gapless_api::status::{AppStatus, InstanceStatus};
use gapless_model::rollout::PREVIEW_HEADER;
use gapless_model::{Preview, Rollout, RolloutPhase};
use std::fmt::Write;
use std::time::Duration;

/// The whole app.
pub(crate) fn app(app: &AppStatus) -> String {
    let mut text = String::new();
    let release = app.release.map_or_else(|| "no release yet".into(), |r| format!("release {r}"));
    let stopped = if app.wanted == 0 { ", stopped" } else { "" };
    _ = writeln!(
        text,
        "{}  {release}, {} of {} ready{stopped}",
        paint::bold(&app.name),
        app.ready,
        app.wanted
    );
    if !app.routes.is_empty() {
        row(&mut text, "listens on", app.routes.join(", "));
        row(&mut text, "traffic", split(&app.split));
    }
    let traffic = &app.traffic;
    if traffic.served + traffic.failed + traffic.refused > 0 {
        let refused = match traffic.refused {
            0 => String::new(),
            refused => format!(", {} refused while it was stopped", count(refused)),
        };
        row(
            &mut text,
            "requests",
            format!(
                "{} served, {} lost, {} retried, {} held{refused}; {:.1} per second now",
                count(traffic.served),
                count(traffic.failed),
                count(traffic.retried),
                count(traffic.held),
                app.requests_per_second
            ),
        );
    }
    if let Some(rollout) = &app.rollout {
        let from = rollout.from.map(|from| format!("{from} → ")).unwrap_or_default();
        let paused = if rollout.paused.is_some() { ", paused: `gapless resume` goes on" } else { "" };
        row(
            &mut text,
            "rollout",
            format!(
                "{} {} {from}{}, {}, {}{paused}",
                rollout.id,
                rollout.kind.word(),
                rollout.to,
                rollout.strategy,
                rollout.phase.word()
            ),
        );
    }
    if let Some(preview) = app.rollout.as_ref().and_then(previewed) {
        if let Some(address) = preview.address {
            row(&mut text, "preview", format!("http://{address}"));
        }
        let asked = format!("{PREVIEW_HEADER}: {}", preview.secret.as_str());
        row(&mut text, if preview.address.is_some() { "" } else { "preview" }, format!("or with `{asked}`"));
    }
    for (i, wait) in app.waiting.iter().enumerate() {
        row(&mut text, if i == 0 { "waiting for" } else { "" }, waiting(wait, Duration::ZERO));
    }
    text.push_str(&wrongs(app));
    if !app.instances.is_empty() {
        text.push('\n');
        text.push_str(&instances(&app.instances));
    }
    text
}

/// How its release is reached, as long as it is not public.
const fn previewed(rollout: &Rollout) -> Option<&Preview> {
    match rollout.phase {
        RolloutPhase::Replacing { .. } | RolloutPhase::Verifying { .. } | RolloutPhase::Verified { .. } => {
            rollout.preview.as_ref()
        }
        _ => None,
    }
}

fn row(text: &mut String, head: &str, words: impl std::fmt::Display) {
    _ = writeln!(text, "  {}{words}", paint::dim(format_args!("{head:<13}")));
}

fn instances(instances: &[InstanceStatus]) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("instance"),
        Text("release"),
        Text("state"),
        Number("pid"),
        Number("restarts"),
        Number("uptime"),
        Number("cpu"),
        Number("memory"),
        Number("in flight"),
        Number("served"),
        Text("address"),
    ];
    let dash = || "-".to_owned();
    let rows = instances.iter().map(|i| {
        vec![
            i.id.to_string(),
            i.release.to_string(),
            i.state.clone(),
            i.pid.map_or_else(dash, |pid| pid.to_string()),
            i.restarts.to_string(),
            i.uptime_ms.map_or_else(dash, |ms| millis(ms).to_string()),
            i.cpu_percent.map_or_else(dash, |percent| format!("{percent:.0}%")),
            i.memory.map_or_else(dash, bytes),
            i.in_flight.to_string(),
            count(i.traffic.served),
            i.address.clone().unwrap_or_else(dash),
        ]
    });
    table(&columns, rows.collect())
}
