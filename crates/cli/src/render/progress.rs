//! A rollout, or an app that settles, as it goes: a few lines drawn over themselves, or a line per change.

use crate::render::figures::{count, counted, millis, split};
use crate::render::paint;
use gapless_api::progress::Stand;
use gapless_api::status::Waiting;
use gapless_model::{AppName, ReleaseId, RolloutId, WaitingOn};
use std::fmt::Write;
use std::time::Duration;

/// What is shown of one app that is followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// Whose.
    pub(crate) app: AppName,
    /// The release that is rolled out, if one is.
    pub(crate) to: Option<ReleaseId>,
    /// How it stands.
    pub(crate) at: At,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum At {
    /// Nothing was heard yet.
    Asking,
    /// It waits for another rollout.
    Queued(RolloutId),
    /// The last that was heard.
    Stand(Box<Stand>),
    /// Control does not answer; it is waited for.
    Silent,
}

/// How wide the bar of the traffic is, in columns.
const BAR: usize = 20;

/// Lines to draw over themselves. `age` is the time since the stand was heard, so that what remains runs down
/// between two of them. `spinner` is one column wide.
pub(crate) fn live(shown: &Shown, age: Duration, spinner: &str) -> String {
    let app = paint::bold(&shown.app);
    let Shown { to, at, .. } = shown;
    let stand = match at {
        At::Asking => return format!("{spinner} {app}  begins\n"),
        At::Queued(behind) => return format!("{spinner} {app}  waits for rollout {behind} of this app\n"),
        At::Silent => {
            return format!("{spinner} {app}  control does not answer; waiting for it to come back\n");
        }
        At::Stand(stand) => stand,
    };
    let mut text = format!("{spinner} {app}  {}", phase(stand));
    if let Some(to) = to {
        _ = write!(text, "  {}", bar(stand.split.get(to).copied().unwrap_or(0)));
    }
    _ = write!(text, "  {}", ready(stand, *to));
    if !stand.split.is_empty() {
        _ = write!(text, "  traffic {}", split(&stand.split));
    }
    text.push('\n');
    for wait in stand.waiting.iter().take(2) {
        _ = writeln!(text, "    {}", paint::dim(format!("waiting for {}", waiting(wait, age))));
    }
    if stand.served + stand.failed > 0 {
        let lost = format!("{} lost", count(stand.failed));
        let lost = if stand.failed > 0 { paint::bad(lost) } else { lost };
        _ = writeln!(text, "    {} served, {lost}", count(stand.served));
    }
    text
}

/// One line without colours, for a log. Two stands that give the same line are not worth two.
pub(crate) fn plain(shown: &Shown) -> String {
    let Shown { app, to, at } = shown;
    match at {
        At::Asking => format!("{app}: begins"),
        At::Queued(behind) => format!("{app}: waits for rollout {behind} of this app"),
        At::Silent => format!("{app}: control does not answer; waiting for it to come back"),
        At::Stand(stand) => {
            let mut text = format!("{app}: {}, {}", phase(stand), ready(stand, *to));
            if !stand.split.is_empty() {
                _ = write!(text, ", traffic {}", split(&stand.split));
            }
            for (i, wait) in stand.waiting.iter().enumerate() {
                let lead = if i == 0 { "; waiting for" } else { "," };
                _ = write!(text, "{lead} {}", standing(&wait.on, &wait.text));
            }
            text
        }
    }
}

/// A wait and what remains of it: `api-4 to become ready (58s left)`.
pub(crate) fn waiting(wait: &Waiting, age: Duration) -> String {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    match wait.remaining_ms.map(|ms| ms.saturating_sub(age)) {
        // Whole seconds: a figure that changes ten times a second cannot be read.
        Some(ms) if ms >= 1000 => format!("{} ({} left)", wait.text, millis(ms / 1000 * 1000)),
        _ => wait.text.clone(),
    }
}

/// A wait without the numbers that change while nothing else does.
fn standing(on: &WaitingOn, text: &str) -> String {
    match on {
        WaitingOn::Drained { instance, .. } => format!("{instance} to finish its requests"),
        _ => text.to_owned(),
    }
}

fn phase(stand: &Stand) -> &'static str {
    stand.phase.as_ref().map_or("settling", gapless_model::RolloutPhase::word)
}

/// Instances by release; the one that is rolled out against the number that is wanted.
fn ready(stand: &Stand, to: Option<ReleaseId>) -> String {
    let to = to.filter(|_| stand.phase.is_some());
    let Some(to) = to else {
        if stand.wanted == 0 {
            return format!("{} left", counted(stand.instances.len() as u64, "instance"));
        }
        return format!("{} of {} ready", stand.ready.values().sum::<u32>(), stand.wanted);
    };
    let new = stand.ready.get(&to).copied().unwrap_or(0);
    let mut text = format!("{to} {new}/{} ready", stand.wanted);
    for (release, n) in stand.ready.iter().filter(|(release, n)| **release != to && **n > 0) {
        _ = write!(text, ", {release} {n}");
    }
    text
}

fn bar(percent: u32) -> String {
    let full = (percent.min(100) as usize * BAR) / 100;
    format!("{}{}", paint::good("█".repeat(full)), paint::dim("░".repeat(BAR - full)))
}
