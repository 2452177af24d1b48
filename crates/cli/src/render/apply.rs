//! What `gapless up` finds to do, and what became of it.

use crate::render::figures::bytes;
use crate::render::paint;
use gapless_api::request::Shortage;
use gapless_api::{Applied, ApplyResult, RolloutTicket};
use gapless_model::AppName;
use serde::Serialize;
use std::fmt::Write;

/// Before it is watched: what changed, and whose turn is waited for. Nothing for apps that stay as they are.
pub(crate) fn begins(result: &ApplyResult) -> String {
    result.apps.iter().filter_map(|(app, applied)| begin(app, applied)).collect()
}

fn begin(app: &AppName, applied: &Applied) -> Option<String> {
    let Applied::Rollout { ticket, changes } = applied else { return None };
    (is_news(ticket) || !changes.is_empty()).then(|| rollout(app, ticket, changes))
}

/// Whether there is more to say of it than that it begins.
pub(crate) const fn is_news(ticket: &RolloutTicket) -> bool {
    ticket.after.is_some() || ticket.supersedes.is_some() || ticket.back || ticket.shortage.is_some()
}

/// A rollout that was begun.
pub(crate) fn rollout(app: &AppName, ticket: &RolloutTicket, changes: &[String]) -> String {
    let RolloutTicket { rollout, to, after, supersedes, back, shortage } = ticket;
    if *back {
        return format!("{app}: rollout {rollout} is taken back: {to} serves again\n");
    }
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
    if let Some(Shortage { needed, available }) = shortage {
        _ = writeln!(
            text,
            "{} {app}: a second set beside the first takes about {} more, and {} are available: the machine may \
             begin to swap, or end processes. `gapless abort {app}` gives it up, `--strategy rolling` needs less",
            paint::warn("!"),
            bytes(*needed),
            bytes(*available)
        );
    }
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

/// What one should know beside.
pub(crate) fn warnings(result: &ApplyResult) -> String {
    result.warnings.iter().map(|warning| format!("{} {warning}\n", paint::warn("warning:"))).collect()
}

/// What `gapless up` would do to an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "would", rename_all = "kebab-case")]
pub(crate) enum Would {
    /// It is as the file says.
    Nothing,
    /// It is new.
    Begin,
    /// It is stopped.
    Start {
        /// What is changed before.
        changes: Vec<String>,
    },
    /// It runs otherwise.
    Change {
        /// What is changed.
        changes: Vec<String>,
    },
}

/// What would be done, for `gapless check`.
pub(crate) fn would(plan: &[(AppName, Would)]) -> String {
    let words = |would: &Would| match would {
        Would::Nothing => "nothing would change".into(),
        Would::Begin => "would be started, as it is new".into(),
        Would::Start { changes } if changes.is_empty() => "would be started, as it is stopped".into(),
        Would::Start { changes } => {
            format!("is stopped; would be started with {} changed", changes.join(", "))
        }
        Would::Change { changes } => format!("would change: {}", changes.join(", ")),
    };
    plan.iter().map(|(app, would)| format!("  {app}: {}\n", words(would))).collect()
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
