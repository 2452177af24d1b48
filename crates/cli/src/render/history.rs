//! `gapless history`: what happened, the newest last, as in a log.

use crate::render::figures::{at, bytes, count, counted};
use crate::render::paint;
use crate::render::table::{Column, table};
use gapless_model::event::{Event, What};
use gapless_model::time::Spoken;
use gapless_model::{AbortReason, Outcome, Receipt, RolloutPhase};
use jiff::tz::TimeZone;

/// The table, in the order of the events.
pub(crate) fn history(events: &[Event], zone: &TimeZone) -> String {
    let columns = [Column::Text("when"), Column::Text("app"), Column::Text("what")];
    // That a rollout has ended is said again, with how, by the event after it.
    let twice = |what: &What| matches!(what, What::RolloutMoved { phase: RolloutPhase::Ended { .. }, .. });
    let rows = events.iter().filter(|event| !twice(&event.what)).map(|event| {
        let app = event.app.as_ref().map_or_else(|| "-".into(), ToString::to_string);
        vec![at(event.at, zone), app, what(&event.what)]
    });
    table(&columns, rows.collect())
}

/// One event in words. Line feeds would break the table, so there are none.
pub(crate) fn what(what: &What) -> String {
    let words = match what {
        What::AppDefined => "defined".into(),
        What::AppDeleted => "deleted".into(),
        What::AppStopped => "stopped".into(),
        What::AppStarted => "started".into(),
        What::Scaled { from, to } => format!("scaled from {from} to {}", counted((*to).into(), "instance")),
        What::SettingsChanged => "settings changed".into(),
        What::ReleaseMade { release } => format!("release {release} made"),
        What::RolloutBegan { rollout, kind, from: Some(from), to } => {
            format!("{} {rollout} began: {from} → {to}", kind.word())
        }
        What::RolloutBegan { rollout, kind, from: None, to } => {
            format!("{} {rollout} began: {to}, the first release", kind.word())
        }
        What::RolloutMoved { rollout, phase } => moved(*rollout, phase),
        What::RolloutEnded { rollout, outcome, receipt } => ended(*rollout, outcome, receipt),
        What::RolloutSuperseded { kind, by } => {
            format!("a waiting {} never began: {} took its place", kind.word(), by.word())
        }
        What::RolloutPaused { rollout } => format!("rollout {rollout} paused"),
        What::RolloutResumed { rollout } => format!("rollout {rollout} resumed"),
        What::InstanceStarted { instance, release } => format!("{instance} of {release} started"),
        What::InstanceFailed { instance, failure } => format!("{instance} failed: {failure}"),
        What::InstanceStopped { instance, exit: Some(exit) } => format!("{instance} stopped: it {exit}"),
        What::InstanceStopped { instance, exit: None } => format!("{instance} stopped"),
        What::InstanceOutgrown { instance, memory, most } => {
            format!(
                "{instance} takes {} of memory, more than {}: it is replaced",
                bytes(*memory),
                bytes(*most)
            )
        }
        What::ControlStarted { adopted } => {
            format!("control started, {} adopted", counted((*adopted).into(), "instance"))
        }
        What::Asked { by, command } => format!("{by} asked for: {command}"),
        What::Refused { by, command, times: 1 } => {
            format!("{} {by} asked for: {command}", paint::bad("refused:"))
        }
        What::Refused { by, command, times } => {
            format!("{} {by} asked {times} times, last for: {command}", paint::bad("refused:"))
        }
        What::Trouble { message } => format!("{} {message}", paint::bad("trouble:")),
    };
    words.replace('\n', " ")
}

fn moved(rollout: gapless_model::RolloutId, phase: &RolloutPhase) -> String {
    match phase {
        RolloutPhase::Returning { why, .. } => format!("rollout {rollout} is taken back: {why}"),
        _ => format!("rollout {rollout} is {}", phase.word()),
    }
}

fn ended(rollout: gapless_model::RolloutId, outcome: &Outcome, receipt: &Receipt) -> String {
    let took = Spoken(receipt.took);
    let counts = format!("{} served, {} lost", count(receipt.traffic.served), count(receipt.traffic.failed));
    match outcome {
        Outcome::Completed => format!("rollout {rollout} completed in {took}: {counts}"),
        Outcome::Aborted { why: AbortReason::Asked } => {
            format!("rollout {rollout} aborted as asked after {took}: {counts}")
        }
        Outcome::Aborted { .. } => format!("rollout {rollout} aborted after {took}: {counts}"),
        Outcome::Failed { why } => format!("rollout {rollout} failed after {took}: {why}"),
    }
}
