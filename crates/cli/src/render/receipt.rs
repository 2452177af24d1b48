//! How a rollout ended: what it did to the traffic, and if it did not complete, why and what now.

use crate::render::figures::count;
use crate::render::next_step::next_step;
use crate::render::paint;
use gapless_api::request::LogLine;
use gapless_model::time::Spoken;
use gapless_model::{AbortReason, AppName, Outcome, Receipt, TrafficCount};
use std::fmt::Write;
use std::time::Duration;

/// How many of the last lines of output are shown; `gapless logs` has the others.
const LAST_OUTPUT: usize = 10;

/// The receipt as a block of a few lines.
pub(crate) fn receipt(receipt: &Receipt, last_output: &[LogLine]) -> String {
    let Receipt { app, to, from, .. } = receipt;
    let took = Spoken(receipt.took);
    let mut text = String::new();
    let (mark, headline) = match (&receipt.outcome, from) {
        (Outcome::Completed, Some(from)) if from == to => {
            (paint::good("✓"), format!("{to} reloaded in {took}"))
        }
        (Outcome::Completed, Some(from)) => (paint::good("✓"), format!("{from} → {to} in {took}")),
        (Outcome::Completed, None) => (paint::good("✓"), format!("{to} is up after {took}")),
        (Outcome::Aborted { why: AbortReason::Asked }, Some(from)) => {
            (paint::warn("✗"), format!("{to} was taken back as asked after {took}; {from} goes on serving"))
        }
        // Nothing failed, and nothing serves.
        (Outcome::Aborted { why: AbortReason::AppStopped }, Some(from)) => {
            (paint::warn("✗"), format!("{to} was given up after {took}; {from} is what is started again"))
        }
        (Outcome::Aborted { why: AbortReason::MachineRestarted }, Some(from)) => {
            (paint::warn("✗"), format!("{to} was given up after {took}; {from} was started again"))
        }
        (Outcome::Aborted { why: AbortReason::NotVerified { .. } }, Some(from)) => (
            paint::bad("✗"),
            format!("{to} did not pass its checks and was given up after {took}; {from} goes on serving"),
        ),
        (Outcome::Aborted { why: AbortReason::NotPromoted { .. } }, Some(from)) => (
            paint::warn("✗"),
            format!("{to} was not promoted and was given up after {took}; {from} goes on serving"),
        ),
        (Outcome::Aborted { .. }, Some(from)) => {
            (paint::bad("✗"), format!("{to} failed and was taken back after {took}; {from} goes on serving"))
        }
        (Outcome::Failed { why: AbortReason::NotUp { .. } }, _) => {
            (paint::bad("✗"), format!("{to} was not started yet after {took}"))
        }
        (Outcome::Aborted { .. } | Outcome::Failed { .. }, _) => (
            paint::bad("✗"),
            format!("{to} failed after {took}, and there is no earlier release to return to"),
        ),
    };
    _ = writeln!(text, "{mark} {}  {headline}", paint::bold(app));
    if let Outcome::Aborted { why } | Outcome::Failed { why } = &receipt.outcome {
        text.push_str(&reason(app, why, last_output));
    }
    // Before an app's first release nobody could be served: nothing to count is not worth four lines.
    let counted = receipt.traffic != TrafficCount::default();
    if counted || from.is_some() {
        text.push_str(&figures(receipt));
    }
    text
}

/// Why it did not complete, the last words of the instance that failed, the next step.
fn reason(app: &AppName, why: &AbortReason, last_output: &[LogLine]) -> String {
    let mut text = String::new();
    if *why != AbortReason::Asked {
        row(&mut text, "why", why);
    }
    let skipped = last_output.len().saturating_sub(LAST_OUTPUT);
    for (i, line) in last_output.iter().skip(skipped).enumerate() {
        let stream = if line.err { "!" } else { "|" };
        row(&mut text, if i == 0 { "it said" } else { "" }, paint::dim(format!("{stream} {}", line.text)));
    }
    if let AbortReason::NotVerified { output, .. } = why {
        let skipped = output.len().saturating_sub(LAST_OUTPUT);
        for (i, line) in output.iter().skip(skipped).enumerate() {
            row(&mut text, if i == 0 { "it said" } else { "" }, paint::dim(format!("| {line}")));
        }
    }
    if let Some(next) = next_step(app, why) {
        row(&mut text, "next", next);
    }
    text
}

fn figures(receipt: &Receipt) -> String {
    let traffic = &receipt.traffic;
    let mut text = String::new();
    let lost = match traffic.failed {
        0 => paint::good("0 lost"),
        n => paint::bad(format!("{} LOST", count(n))),
    };
    let mut served = format!("{} served, {lost}", count(traffic.served));
    if traffic.served_5xx > 0 {
        _ = write!(served, ", {} answered 5xx by the app", count(traffic.served_5xx));
    }
    if traffic.client_gone > 0 {
        _ = write!(served, ", {} given up by the client", count(traffic.client_gone));
    }
    row(&mut text, "requests", served);
    let stall = Spoken(receipt.longest_stall);
    row(
        &mut text,
        "",
        format!("{} retried, {} held, longest stall {stall}", count(traffic.retried), count(traffic.held)),
    );
    if receipt.served_by.len() > 1 {
        let by = receipt.served_by.iter().map(|(release, n)| format!("{release} {}", count(*n)));
        row(&mut text, "served by", by.collect::<Vec<_>>().join(", "));
    }
    let flips = receipt.flips.iter().map(|flip| format!("to {} in {}", flip.to, micros(flip.micros)));
    let flips = flips.collect::<Vec<_>>();
    if !flips.is_empty() {
        row(&mut text, if flips.len() == 1 { "flip" } else { "flips" }, flips.join(", "));
    }
    let phases = receipt.phases.iter().map(|p| format!("{} {}", p.phase, Spoken(p.took)));
    row(&mut text, "phases", phases.collect::<Vec<_>>().join(", "));
    text
}

/// With a tenth of a millisecond: that is what a flip is about.
fn micros(n: u64) -> String {
    if n < 10_000 { format!("{:.1}ms", n as f64 / 1e3) } else { Spoken(Duration::from_micros(n)).to_string() }
}

fn row(text: &mut String, head: &str, words: impl std::fmt::Display) {
    _ = writeln!(text, "  {}{words}", paint::dim(format_args!("{head:<11}")));
}

/// An app that does not come to be as it should.
pub(crate) fn stuck(app: &AppName, why: &AbortReason, last_output: &[LogLine]) -> String {
    let headline = format!("{} {}  does not come up; it is tried again", paint::bad("✗"), paint::bold(app));
    format!("{headline}\n{}", reason(app, why, last_output))
}

/// A rollout that never began.
pub(crate) fn dropped(app: &AppName, message: &str) -> String {
    format!("{} {}  the rollout never began: {message}\n", paint::bad("✗"), paint::bold(app))
}
