//! The end of the demo: what the customers saw beside what the proxy counted.

use crate::render::figures::{count, millis};
use crate::render::paint;
use gapless_load::Report;
use gapless_model::TrafficCount;
use std::fmt::Write;

/// Both sides of it.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    /// What the customers saw.
    pub(crate) customers: &'a Report,
    /// What the proxy counted.
    pub(crate) proxy: TrafficCount,
}

/// The account and its verdict.
pub(crate) fn account(account: &Account<'_>) -> String {
    let Account { customers, proxy } = account;
    let mut text = String::new();
    let slowest = millis(customers.latency.max_us / 1000);
    row(
        &mut text,
        "customers",
        format!(
            "{} right answers, {}; the slowest took {slowest}, the longest silence was {}",
            count(customers.right),
            lost(customers.lost()),
            millis(customers.longest_gap.ms)
        ),
    );
    for stream in &customers.streams {
        row(&mut text, "", format!("{}: {}, {} lost", stream.name, count(stream.right), count(stream.lost)));
    }
    row(
        &mut text,
        "the proxy",
        format!(
            "{} served, {}, {} retried, {} held",
            count(proxy.served),
            lost(proxy.failed),
            count(proxy.retried),
            count(proxy.held)
        ),
    );
    let by =
        customers.by_version.iter().map(|(version, n)| format!("version {version} {}", count(n.answers)));
    row(&mut text, "answered by", by.collect::<Vec<_>>().join(", "));
    for failure in &customers.failures {
        row(&mut text, "lost", failure);
    }
    text.push('\n');
    let all = customers.lost() + proxy.failed;
    let verdict = if all == 0 {
        format!("{} not one request was lost", paint::good("✓"))
    } else {
        format!("{} requests were lost: this must not happen, please report it", paint::bad("✗"))
    };
    _ = writeln!(text, "{verdict}");
    text
}

fn lost(n: u64) -> String {
    if n == 0 { paint::good("0 lost") } else { paint::bad(format!("{} LOST", count(n))) }
}

fn row(text: &mut String, head: &str, words: impl std::fmt::Display) {
    _ = writeln!(text, "  {}{words}", paint::dim(format_args!("{head:<12}")));
}
