//! The account that all clients write into.

use crate::failure::{Failure, FailureKind, Loss};
use crate::latency::Latencies;
use crate::report::{Gap, Report, StreamReport, VersionCount};
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one request.
#[derive(Debug)]
pub(crate) enum Fate {
    /// A complete and right answer.
    Right {
        /// Its status.
        status: u16,
        /// Which version gave it, if it said.
        version: Option<String>,
        /// Bytes of its body.
        bytes: u64,
    },
    /// No such answer.
    Lost(Loss),
}

/// All that is known so far. Times are counted from the start of the load.
#[derive(Debug)]
pub(crate) struct Tally {
    streams: Vec<StreamTally>,
    statuses: BTreeMap<u16, u64>,
    kinds: BTreeMap<FailureKind, u64>,
    versions: BTreeMap<String, VersionCount>,
    failures: Vec<Failure>,
    keep_failures: usize,
    latencies: Latencies,
    reconnects: u64,
    bytes: u64,
    last_right: Duration,
    longest_gap: Gap,
}

#[derive(Debug)]
struct StreamTally {
    name: String,
    right: u64,
    lost: u64,
    latencies: Latencies,
}

impl Tally {
    pub(crate) fn new(streams: impl Iterator<Item = String>, keep_failures: usize) -> Self {
        let streams =
            streams.map(|name| StreamTally { name, right: 0, lost: 0, latencies: Latencies::new() });
        Self {
            streams: streams.collect(),
            statuses: BTreeMap::new(),
            kinds: BTreeMap::new(),
            versions: BTreeMap::new(),
            failures: Vec::new(),
            keep_failures,
            latencies: Latencies::new(),
            reconnects: 0,
            bytes: 0,
            last_right: Duration::ZERO,
            longest_gap: Gap::default(),
        }
    }

    /// A kept connection that was found closed before anything was sent on it.
    pub(crate) fn reconnected(&mut self) {
        self.reconnects += 1;
    }

    /// The fate, known at `at`, of a request of stream number `stream` that took `took`.
    pub(crate) fn record(&mut self, stream: usize, at: Duration, took: Duration, fate: Fate) {
        match fate {
            Fate::Right { status, version, bytes } => {
                *self.statuses.entry(status).or_default() += 1;
                if let Some(version) = version {
                    self.versions.entry(version).or_insert_with(|| VersionCount::since(at)).add(at);
                }
                self.bytes += bytes;
                self.latencies.record(took);
                let stream = &mut self.streams[stream];
                stream.right += 1;
                stream.latencies.record(took);
                self.longest_gap = self.longest_gap.or_longer(self.last_right, at);
                self.last_right = at;
            }
            Fate::Lost(loss) => {
                if let Some(status) = loss.status {
                    *self.statuses.entry(status).or_default() += 1;
                }
                *self.kinds.entry(loss.kind).or_default() += 1;
                let stream = &mut self.streams[stream];
                stream.lost += 1;
                if self.failures.len() < self.keep_failures {
                    self.failures.push(Failure {
                        at_ms: millis(at),
                        after_ms: millis(took),
                        stream: stream.name.clone(),
                        kind: loss.kind,
                        what: loss.what,
                    });
                }
            }
        }
    }

    /// The report as of `now`.
    pub(crate) fn report(&self, now: Duration, connections: u64) -> Report {
        let right = self.streams.iter().map(|s| s.right).sum();
        let lost: u64 = self.streams.iter().map(|s| s.lost).sum();
        Report {
            requests: right + lost,
            right,
            lost_by_kind: self.kinds.clone(),
            by_status: self.statuses.clone(),
            by_version: self.versions.clone(),
            streams: self.streams.iter().map(StreamTally::report).collect(),
            connections,
            reconnects: self.reconnects,
            bytes: self.bytes,
            latency: self.latencies.summary(),
            longest_gap: self.longest_gap.or_longer(self.last_right, now),
            took_ms: millis(now),
            failures: self.failures.clone(),
        }
    }
}

impl StreamTally {
    fn report(&self) -> StreamReport {
        let latency = self.latencies.summary();
        StreamReport { name: self.name.clone(), right: self.right, lost: self.lost, latency }
    }
}

pub(crate) fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn right(version: &str) -> Fate {
        Fate::Right { status: 200, version: Some(version.to_owned()), bytes: 10 }
    }

    #[test]
    fn the_longest_gap_is_over_all_clients_and_ends_with_the_load() {
        let mut tally = Tally::new(["a".to_owned(), "b".to_owned()].into_iter(), 1);
        tally.record(0, at(10), at(5), right("v1"));
        tally.record(1, at(30), at(5), right("v1"));
        tally.record(0, at(100), at(5), Fate::Lost(Loss::new(FailureKind::Reset, "reset")));
        tally.record(0, at(130), at(5), right("v2"));
        assert_eq!(tally.report(at(140), 2).longest_gap, Gap { from_ms: 30, ms: 100 });
        assert_eq!(tally.report(at(300), 2).longest_gap, Gap { from_ms: 130, ms: 170 });
    }

    #[test]
    fn every_request_is_counted_once() {
        let mut tally = Tally::new(["a".to_owned()].into_iter(), 1);
        tally.record(0, at(1), at(1), right("v1"));
        tally.record(0, at(2), at(1), right("v2"));
        tally.record(0, at(3), at(1), right("v2"));
        tally.record(0, at(4), at(1), Fate::Lost(Loss::bad_status(503, b"busy")));
        tally.record(0, at(5), at(1), Fate::Lost(Loss::new(FailureKind::Hung, "hung")));
        let report = tally.report(at(6), 1);
        assert_eq!((report.requests, report.right, report.lost(), report.bytes), (5, 3, 2, 30));
        assert_eq!(report.by_status, BTreeMap::from([(200, 3), (503, 1)]));
        assert_eq!(report.by_version["v2"], VersionCount { answers: 2, first_ms: 2, last_ms: 3 });
        assert_eq!(report.failures.len(), 1);
        assert_eq!(report.failures[0].to_string(), r#"at 0.004 s, a: 5xx after 1 ms: status 503: "busy""#);
    }
}
