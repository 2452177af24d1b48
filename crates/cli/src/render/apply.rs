//! What `gapless up` finds to do, and what became of it.

use crate::render::paint;
use gapless_api::{Applied, ApplyResult, RolloutTicket};
use gapless_model::AppName;
use std::fmt::Write;

/// Before it is watched: what changed, and whose turn is waited for. Nothing for apps that stay as they are.
pub(crate) fn begins(result: &ApplyResult) -> String {
    result.apps.iter().filter_map(|(app, applied)| begin(app, applied)).collect()
}

fn begin(app: &AppName, applied: &Applied) -> Option<String> {
    let Applied::Rollout { ticket, changes } = applied else { return None };
    let waits = ticket.after.is_some() || ticket.supersedes.is_some();
    (waits || !changes.is_empty()).then(|| rollout(app, ticket, changes))
}

/// A rollout that was begun.
pub(crate) fn rollout(app: &AppName, ticket: &RolloutTicket, changes: &[String]) -> String {
    let RolloutTicket { rollout, to, after, supersedes } = ticket;
    let mut text = format!("{app}: rollout {rollout} to {to} begins");
    if let Some(after) = after {
        _ = write!(text, " after {after}, which is in progress");
    }
    if let Some(superseded) = supersedes {
        _ = write!(text, "; it takes the place of {superseded}, which was waiting");
    }
    if !changes.is_empty() {
        _ = write!(text, "; changed: {}", changes.join(", "));
    }
    text.push('\n');
    text
}

/// What was begun, for a caller that does not watch.
pub(crate) fn applied(result: &ApplyResult) -> String {
    let of = |(app, applied): &(AppName, Applied)| match applied {
        Applied::Unchanged => format!("{app}: nothing changed\n"),
        Applied::Settings { changes } => format!("{app}: settings changed: {}\n", changes.join(", ")),
        Applied::Started => format!("{app}: is being started\n"),
        Applied::Rollout { ticket, changes } => rollout(app, ticket, changes),
    };
    result.apps.iter().map(of).collect()
}

/// What would be done, for `gapless check`.
pub(crate) fn would(result: &ApplyResult) -> String {
    let of = |(app, applied): &(AppName, Applied)| match applied {
        Applied::Unchanged => format!("  {app}: nothing changes\n"),
        Applied::Settings { changes } => format!("  {app}: settings change: {}\n", changes.join(", ")),
        Applied::Started => format!("  {app}: is stopped, would be started\n"),
        Applied::Rollout { ticket, changes } if changes.is_empty() => {
            format!("  {app}: would be started as {}\n", ticket.to)
        }
        Applied::Rollout { ticket, changes } => {
            format!("  {app}: would be rolled out as {}: {}\n", ticket.to, changes.join(", "))
        }
    };
    result.apps.iter().map(of).collect()
}

/// An app that settled without a rollout.
pub(crate) fn done(app: &AppName, applied: &Applied) -> String {
    let words = match applied {
        Applied::Settings { changes } => format!("settings changed: {}", changes.join(", ")),
        Applied::Started => "is started".into(),
        Applied::Unchanged | Applied::Rollout { .. } => "is as the file says".into(),
    };
    format!("{} {}  {words}\n", paint::good("✓"), paint::bold(app))
}

/// Everything is as the file says.
pub(crate) fn nothing_changed(result: &ApplyResult) -> String {
    let names: Vec<_> = result.apps.iter().map(|(app, _)| app.to_string()).collect();
    format!("{} nothing changed: {}\n", paint::good("✓"), names.join(", "))
}
