//! Decisions as text.

use gapless_model::{Moment, RolloutPhase, Split};
use gapless_rollout::{Action, Decision};
use std::fmt::Write as _;

/// Writes what was decided; the split only where it is news.
pub(crate) fn decided(text: &mut String, decision: &Decision, is_sent: bool, now: Moment) {
    if let Some(phase) = &decision.phase {
        line(text, now, &phrase(phase));
    }
    if !is_sent {
        let preview = match decision.preview.is_empty() {
            true => String::new(),
            false => format!("; preview {}", spoken(&decision.preview)),
        };
        line(text, now, &format!("split {}{preview}", spoken(&decision.split)));
    }
    for action in &decision.actions {
        let said = match action {
            Action::Start { release } => format!("start {release}"),
            Action::Retire { instance, .. } => format!("retire {instance}"),
            Action::Verify => "verify".to_owned(),
            Action::Stop { instance } => format!("stop {instance}"),
            Action::Restart { instance } => format!("restart {instance}"),
        };
        line(text, now, &said);
    }
}

/// Writes what is waited for when nothing more is decided.
pub(crate) fn waits(text: &mut String, decision: &Decision, now: Moment) {
    for wait in &decision.waiting {
        let by = wait.deadline().map(|by| format!(", by {}s", by.as_millis() / 1_000)).unwrap_or_default();
        line(text, now, &format!("… {wait}{by}"));
    }
    if decision.waiting.is_empty() {
        line(text, now, "nothing is left to do");
    }
}

fn line(text: &mut String, now: Moment, said: &str) {
    let _ = writeln!(text, "{:6}s  {said}", now.as_millis() / 1_000);
}

fn phrase(phase: &RolloutPhase) -> String {
    match phase {
        RolloutPhase::Verified { until, .. } => format!("= verified, until {}s", until.as_millis() / 1_000),
        RolloutPhase::Baking { until, .. } => format!("= baking until {}s", until.as_millis() / 1_000),
        RolloutPhase::Returning { why, .. } => format!("= returning: {why}"),
        RolloutPhase::Ended { outcome, .. } => format!("= ended: {outcome:?}"),
        other => format!("= {}", other.word()),
    }
}

fn spoken(split: &Split) -> String {
    if split.is_empty() {
        return "nobody".to_owned();
    }
    let group = |(release, ids): (&gapless_model::ReleaseId, &std::collections::BTreeSet<_>)| {
        let ids: Vec<String> = ids.iter().map(gapless_model::InstanceId::to_string).collect();
        format!("{release}: {}", ids.join(" "))
    };
    split.0.iter().map(group).collect::<Vec<_>>().join(", ")
}
