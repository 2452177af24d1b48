//! What the proxy has counted. It begins at zero with each proxy process, and only grows.

use gapless_model::instance::InFlight;
use gapless_model::receipt::TrafficCount;
use gapless_model::{AppName, InstanceId, ReleaseId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Upper bounds of the latency histogram's buckets, in microseconds; one more bucket takes what is slower.
/// From 1 ms to 30 s, with those in between that Prometheus' own libraries have.
pub const LATENCY_BOUNDS: [u32; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

/// Buckets of the latency histogram.
pub const LATENCY_BUCKETS: usize = LATENCY_BOUNDS.len() + 1;

/// Cumulative counters. They begin at zero with each proxy process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Per instance that has ever been named and is still in the snapshot, or left it in this report.
    pub instances: Vec<InstanceCounters>,
    /// Per app: requests that no instance can be charged with are counted here only. `served` and all
    /// others are totals of the app.
    pub apps: Vec<AppCounters>,
    /// Of the proxy as a whole.
    #[serde(default)]
    pub proxy: ProxyCounters,
    /// What became of TLS handshakes.
    #[serde(default)]
    pub handshakes: Handshakes,
}

/// What became of TLS handshakes since the proxy began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handshakes {
    /// Complete ones.
    pub complete: u64,
    /// Complete ones that went on from an earlier connection; part of `complete`.
    pub resumed: u64,
    /// Those that came to nothing: no common version or cipher, no certificate, too slow, no TLS at all.
    pub failed: u64,
}

impl AddAssign for Handshakes {
    fn add_assign(&mut self, other: Self) {
        self.complete += other.complete;
        self.resumed += other.resumed;
        self.failed += other.failed;
    }
}

/// Counters of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCounters {
    /// Which app.
    pub app: AppName,
    /// Its requests.
    pub traffic: TrafficCount,
    /// Of those served, how many by which release: also by releases of which no instance is left, so that a
    /// control that comes new to this proxy knows them too.
    pub served_by: BTreeMap<ReleaseId, u64>,
    /// The longest, in milliseconds, that a request waited in the proxy before it was on its way to an
    /// instance, since the report before this one.
    pub longest_stall_ms: u64,
    /// Requests being held now.
    pub holding: u32,
    /// How long requests were held, all together, in microseconds.
    #[serde(default)]
    pub held_us: u64,
    /// Per release that has answered since the counters were last sent on this link; all of them in the
    /// first counters on a link.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<ReleaseId, ReleaseCounters>,
}

/// What the instances of one release have done, those included that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReleaseCounters {
    /// Its requests.
    pub traffic: TrafficCount,
    /// Its answers.
    pub answers: AnswerCount,
    /// How often one of its instances was ejected.
    pub ejections: u64,
}

/// Answers that were passed on in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AnswerCount {
    /// By the first digit of their status, from `1xx` to `5xx`.
    pub classes: [u64; 5],
    /// By the time from the request's head to the answer's last byte, see [`LATENCY_BOUNDS`].
    pub latency: [u64; LATENCY_BUCKETS],
    /// That time, all together, in microseconds.
    pub latency_us: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

impl AddAssign for AnswerCount {
    fn add_assign(&mut self, other: Self) {
        self.classes.iter_mut().zip(other.classes).for_each(|(sum, more)| *sum += more);
        self.latency.iter_mut().zip(other.latency).for_each(|(sum, more)| *sum += more);
        self.latency_us += other.latency_us;
        self.bytes += other.bytes;
    }
}

impl AddAssign for ReleaseCounters {
    fn add_assign(&mut self, other: Self) {
        self.traffic += other.traffic;
        self.answers += other.answers;
        self.ejections += other.ejections;
    }
}

/// Counters of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCounters {
    /// Which instance.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Its requests.
    pub traffic: TrafficCount,
    /// What it is working on now.
    pub in_flight: InFlight,
    /// Its answers by the first digit of their status, from `1xx` to `5xx`.
    #[serde(default)]
    pub classes: [u64; 5],
    /// How often it was ejected.
    #[serde(default)]
    pub ejections: u64,
    /// Whether it is ejected now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejected: Option<Ejected>,
}

/// An instance that gets no requests for a while, as long as others can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ejected {
    /// Why, for people.
    pub why: String,
    /// For how much longer, in milliseconds.
    pub left_ms: u64,
    /// How many workers do so: each sees for itself.
    pub workers: u32,
}

/// Counters that belong to no app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyCounters {
    /// Connections of clients accepted.
    pub accepted: u64,
    /// Of those, open now.
    pub open: u64,
    /// Requests that no app could have served: no such host or path, or no proper request.
    pub unrouted: u64,
}

impl AddAssign for ProxyCounters {
    /// What is open is of now: it is taken over, not added.
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.open = other.open;
        self.unrouted += other.unrouted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_former_version_sent_is_understood() {
        let text = r#"{"instances":[{"instance":"a-1","release":"r1","traffic":{"served":1,"served_5xx":0,
            "retried":0,"held":0,"failed":0,"client_gone":0},"in_flight":{"requests":0,"upgraded":0}}],
            "apps":[{"app":"a","traffic":{"served":1,"served_5xx":0,"retried":0,"held":0,"failed":0,
            "client_gone":0},"served_by":{},"longest_stall_ms":0,"holding":0}]}"#;
        let counters: Counters = serde_json::from_str(text).unwrap();
        assert_eq!(counters.instances[0].traffic.served, 1);
    }

    #[test]
    fn a_hundred_idle_instances_are_few_bytes() {
        let instance = |number| InstanceCounters {
            instance: InstanceId::new("api".parse().unwrap(), number),
            release: ReleaseId(1),
            traffic: TrafficCount::default(),
            in_flight: InFlight::default(),
            classes: [0; 5],
            ejections: 0,
            ejected: None,
        };
        let counters = Counters { instances: (1..=100).map(instance).collect(), ..Counters::default() };
        let bytes = serde_json::to_vec(&counters).unwrap().len();
        assert!(bytes < 25_000, "{bytes}");
    }
}
