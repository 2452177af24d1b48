//! What runs, and how it stands. Scripts rely on these names.

use gapless_model::receipt::TrafficCount;
use gapless_model::{AppName, InstanceId, ReleaseId, Rollout, Unlimited, WaitingOn, WallTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer to `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Gapless itself.
    pub gapless: GaplessStatus,
    /// Every app, by name.
    pub apps: Vec<AppStatus>,
}

/// Gapless itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaplessStatus {
    /// Its version.
    pub version: String,
    /// The keeper's process id; none under systemd.
    pub keeper_pid: Option<u32>,
    /// Control's process id.
    pub control_pid: u32,
    /// The proxy's process id; none while there is none.
    pub proxy_pid: Option<u32>,
    /// Proxies that another one follows: they accept no more, and end when the last of their clients has gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retiring_proxies: Vec<u32>,
    /// `GAPLESS_HOME`.
    pub home: String,
    /// Milliseconds since control began.
    pub uptime_ms: u64,
    /// Machine time since boot in milliseconds: what deadlines are counted in.
    pub now: gapless_model::Moment,
    /// What is wrong with Gapless itself right now (disk full, journal set aside, log lines dropped, …);
    /// empty is good.
    pub troubles: Vec<String>,
    /// TLS; none while no file has said how it is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsStatus>,
}

/// TLS at the public listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStatus {
    /// The certificates in force.
    pub certificates: Vec<CertificateStatus>,
    /// Complete handshakes since the proxy began.
    pub handshakes: u64,
    /// Of those, how many went on from an earlier connection.
    pub resumed: u64,
    /// Handshakes that came to nothing.
    pub failed: u64,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// Its file, or the authority that gave it.
    pub source: String,
    /// The hosts that it is for.
    pub hosts: Vec<String>,
    /// Until when it holds.
    pub expires: WallTime,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppStatus {
    /// Its name.
    pub name: AppName,
    /// The release that serves, or is being replaced; none before the first is up.
    pub release: Option<ReleaseId>,
    /// Instances that are ready.
    pub ready: u32,
    /// Instances that are wanted; 0 when stopped.
    pub wanted: u32,
    /// Percent of the traffic by release.
    pub split: BTreeMap<ReleaseId, u32>,
    /// Public addresses, for people.
    pub routes: Vec<String>,
    /// The rollout in progress.
    pub rollout: Option<Rollout>,
    /// What it is waiting for; empty when all is as it should be.
    pub waiting: Vec<Waiting>,
    /// Its instances, the oldest first.
    pub instances: Vec<InstanceStatus>,
    /// Requests per second, over the last few seconds.
    pub requests_per_second: f64,
    /// Requests since control began.
    pub traffic: TrafficCount,
    /// Why the last rollout did not complete, for people, if it did not.
    pub last_failure: Option<String>,
}

/// One wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What for.
    pub on: WaitingOn,
    /// The same for people.
    pub text: String,
    /// Milliseconds until it ends by itself, if it does.
    pub remaining_ms: Option<u64>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Which.
    pub id: InstanceId,
    /// Its process; none while none runs.
    pub pid: Option<u32>,
    /// Of which release.
    pub release: ReleaseId,
    /// `starting`, `ready`, `unready`, `wedged`, `backoff`, `draining`, `warm`, `stopping`, `gone`.
    pub state: String,
    /// Further words to the state: `crash loop: 6 failures, next try in 8s`.
    pub detail: Option<String>,
    /// How often it was started again.
    pub restarts: u32,
    /// Where it is reached.
    pub address: Option<String>,
    /// When its process was started, for people.
    pub started: Option<WallTime>,
    /// How long its process has run.
    pub uptime_ms: Option<u64>,
    /// CPU of its process group in percent of one core, over the last few seconds.
    pub cpu_percent: Option<f64>,
    /// Resident memory of its process group in bytes.
    pub memory: Option<u64>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Requests since it began.
    pub traffic: TrafficCount,
    /// It gets no new requests for a while, as those before have failed; none if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejected: Option<EjectedStatus>,
    /// Limits that its process was to have and does not; none if it has all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<Unlimited>,
}

/// An instance that is passed over for a while, although its probes are content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EjectedStatus {
    /// Why, for people.
    pub why: String,
    /// Milliseconds until it is asked again.
    pub remaining_ms: u64,
    /// How many workers of the proxy pass it over: each judges by what it sees itself.
    pub workers: u32,
}
