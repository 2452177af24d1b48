//! What became of a load.

use crate::failure::{Failure, FailureKind};
use crate::latency::Latency;
use crate::tally::millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The account of a load. Every request that was begun is in it once: as right or as lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Requests whose fate is known.
    pub requests: u64,
    /// Those answered in full, in time, with 2xx, and as the stream's verifier wants it.
    pub right: u64,
    /// The others.
    pub lost_by_kind: BTreeMap<FailureKind, u64>,
    /// Answers by status code, broken ones included.
    pub by_status: BTreeMap<u16, u64>,
    /// Right answers by the version that gave them.
    pub by_version: BTreeMap<String, VersionCount>,
    /// The same by stream, in the plan's order.
    pub streams: Vec<StreamReport>,
    /// Connections opened.
    pub connections: u64,
    /// Kept connections that the server ended between two requests, by `Connection: close` or while they were
    /// idle: no loss.
    pub reconnects: u64,
    /// Bytes of the bodies of right answers.
    pub bytes: u64,
    /// Of right answers.
    pub latency: Latency,
    /// The longest time, over all clients, in which no right answer came.
    pub longest_gap: Gap,
    /// From the start to the last answer, in milliseconds.
    pub took_ms: u64,
    /// The first failures, as many as the plan wanted to keep.
    pub failures: Vec<Failure>,
}

impl Report {
    /// How many requests were lost, in whatever way.
    pub fn lost(&self) -> u64 {
        self.lost_by_kind.values().sum()
    }

    /// How many requests were lost in this way.
    pub fn lost_as(&self, kind: FailureKind) -> u64 {
        self.lost_by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// Right answers by `version`.
    pub fn answers_of(&self, version: &str) -> u64 {
        self.by_version.get(version).map_or(0, |count| count.answers)
    }

    /// Right answers per second.
    pub fn per_second(&self) -> f64 {
        // Exact up to 2^53 requests.
        self.right as f64 * 1000.0 / self.took_ms.max(1) as f64
    }
}

/// The part of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// Its name in the plan.
    pub name: String,
    /// Requests answered rightly.
    pub right: u64,
    /// Requests lost.
    pub lost: u64,
    /// Of right answers.
    pub latency: Latency,
}

/// The answers of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionCount {
    /// How many.
    pub answers: u64,
    /// When the first one came, in milliseconds after the start.
    pub first_ms: u64,
    /// When the last one came, in milliseconds after the start.
    pub last_ms: u64,
}

impl VersionCount {
    pub(crate) fn since(at: Duration) -> Self {
        Self { answers: 0, first_ms: millis(at), last_ms: millis(at) }
    }

    pub(crate) fn add(&mut self, at: Duration) {
        self.answers += 1;
        self.last_ms = millis(at);
    }
}

/// A time in which no right answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gap {
    /// Its begin, in milliseconds after the start.
    pub from_ms: u64,
    /// How long it was, in milliseconds.
    pub ms: u64,
}

impl Gap {
    /// The longer of this one and that between two moments.
    pub(crate) fn or_longer(self, from: Duration, to: Duration) -> Self {
        let ms = millis(to.saturating_sub(from));
        if ms > self.ms { Self { from_ms: millis(from), ms } } else { self }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requests lost: {} of {}", self.lost(), self.requests)?;
        for (kind, count) in &self.lost_by_kind {
            writeln!(f, "  {count} {kind}")?;
        }
        for stream in &self.streams {
            let StreamReport { name, right, lost, latency } = stream;
            let (p50, p99, max) = (ms(latency.p50_us), ms(latency.p99_us), ms(latency.max_us));
            writeln!(f, "{name}: {right} right, {lost} lost, p50 {p50}, p99 {p99}, max {max}")?;
        }
        for (version, VersionCount { answers, .. }) in &self.by_version {
            writeln!(f, "answered by {version}: {answers}")?;
        }
        let Gap { ms: gap, from_ms } = self.longest_gap;
        let (seconds, tenths) = (self.took_ms / 1000, self.took_ms % 1000 / 100);
        write!(f, "{:.0} requests per second for {seconds}.{tenths} s, ", self.per_second())?;
        write!(f, "longest time without an answer {gap} ms, from {from_ms} ms on")?;
        self.failures.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

/// Microseconds as milliseconds with one digit after the point.
fn ms(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well_and_survives_json() {
        let report = Report {
            requests: 1200,
            right: 1198,
            lost_by_kind: BTreeMap::from([(FailureKind::Reset, 1), (FailureKind::ServerError, 1)]),
            by_status: BTreeMap::from([(200, 1198), (502, 1)]),
            by_version: BTreeMap::from([(
                "v1".to_owned(),
                VersionCount { answers: 1198, first_ms: 3, last_ms: 4000 },
            )]),
            streams: vec![StreamReport {
                name: "keep-alive".to_owned(),
                right: 1198,
                lost: 2,
                latency: Latency { p50_us: 20_400, p90_us: 21_000, p99_us: 22_000, max_us: 80_000 },
            }],
            connections: 34,
            longest_gap: Gap { from_ms: 1200, ms: 61 },
            took_ms: 4000,
            failures: vec![Failure {
                at_ms: 1261,
                after_ms: 3,
                stream: "keep-alive".to_owned(),
                kind: FailureKind::Reset,
                what: "Connection reset by peer (os error 104)".to_owned(),
            }],
            ..Report::default()
        };
        assert_eq!(report.lost(), 2);
        assert_eq!(report.answers_of("v1"), 1198);
        insta::assert_snapshot!(report, @r#"
        requests lost: 2 of 1200
          1 reset
          1 5xx
        keep-alive: 1198 right, 2 lost, p50 20.4 ms, p99 22.0 ms, max 80.0 ms
        answered by v1: 1198
        300 requests per second for 4.0 s, longest time without an answer 61 ms, from 1200 ms on
          at 1.261 s, keep-alive: reset after 3 ms: Connection reset by peer (os error 104)
        "#);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
