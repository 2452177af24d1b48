//! Things to put into a journal.

use crate::record::{AppRecord, InstanceRecord, RolloutRecord, Wanted};
use crate::{Change, Journal, Recovered};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::app::{
    DrainSpec, HoldSpec, Instances, LogSpec, RestartPolicy, RestartSpec, RetrySpec, RolloutSpec, VerifyCheck,
    VerifySpec, WebSocketPolicy,
};
use gapless_model::balance::BalanceSpec;
use gapless_model::event::What;
use gapless_model::instance::{ProcessId, Retiring};
use gapless_model::probe::{ProbeAnswer, ProbeKind};
use gapless_model::process::ProcessSpec;
use gapless_model::receipt::{Flip, PhaseTime};
use gapless_model::release::{Mark, StopSpec, StopTarget};
use gapless_model::{
    AbortReason, Address, AddressMode, AppName, AppSettings, AppSpec, CommandLine, Exit, Failure, InstanceId,
    InstanceState, Moment, Outcome, Preview, PreviewSecret, ProbeReport, ProbeSpec, Receipt, Release,
    ReleaseId, ReleaseSpec, ResourceLimits, Rollout, RolloutId, RolloutKind, RolloutPhase, Signal, Strategy,
    TrafficCount, WallTime,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn app_name(n: u32) -> AppName {
    format!("app{n}").parse().unwrap()
}

pub(super) fn app(n: u32, instances: u32) -> AppRecord {
    AppRecord {
        spec: AppSpec { name: app_name(n), release: release_spec(instances), settings: settings(instances) },
        wanted: [Wanted::Running, Wanted::Stopped, Wanted::Deleted][instances as usize % 3],
        current: instances.is_multiple_of(3).then_some(ReleaseId(instances)),
        next_instance: instances,
        next_release: instances + 1,
    }
}

fn release_spec(n: u32) -> ReleaseSpec {
    let second = Duration::from_secs(1);
    let ready = ProbeSpec {
        kind: ProbeKind::Http { path: "/ready".into() },
        interval: second,
        timeout: second,
        successes: 1,
        failures: n,
    };
    ReleaseSpec {
        command: CommandLine::Words(vec!["node".into(), "sérver\n.js".into()]),
        cwd: "/srv/app".into(),
        port: Some(3000),
        address: AddressMode::Auto,
        env: BTreeMap::from([("NODE_ENV".into(), n.to_string())]),
        startup: None,
        live: Some(ready.clone()),
        ready,
        protocol: Default::default(),
        start_deadline: second,
        secrets: Default::default(),
        process: ProcessSpec {
            limits: ResourceLimits { memory: Some(1 << 29), cpu: Some(1500), pids: None },
            ..ProcessSpec::default()
        },
        stop: StopSpec { signal: Signal::Term, to: StopTarget::Group, timeout: second },
    }
}

fn settings(instances: u32) -> AppSettings {
    let second = Duration::from_secs(1);
    AppSettings {
        max_memory: Some(1 << 30),
        instances: Instances::Count(instances),
        after: vec!["db".parse().unwrap()],
        routes: vec![],
        drain: DrainSpec {
            timeout: second,
            websocket: WebSocketPolicy::Close,
            websocket_timeout: second,
            websocket_window: second,
        },
        restart: RestartSpec {
            policy: RestartPolicy::Always,
            backoff: second,
            backoff_max: second,
            stable_after: second,
        },
        rollout: RolloutSpec {
            strategy: Strategy::Rolling,
            max_surge: 1,
            max_unavailable: 0,
            bake: Duration::from_millis(1_500),
            verify: Some(VerifySpec {
                checks: vec![VerifyCheck {
                    path: "/health".into(),
                    status: 200,
                    contains: Some("ok".into()),
                }],
                command: None,
                timeout: second,
            }),
            preview: Some("127.0.0.1:9100".parse().unwrap()),
            autopromote: false,
            promote_deadline: second,
        },
        logs: LogSpec { max_size: 1 << 20, max_age: second, keep: 5 },
        hold: HoldSpec { max_requests: 100, max_bytes: 1 << 20, timeout: second },
        retry: RetrySpec { non_idempotent: false, max_body: 1 << 16 },
        balance: BalanceSpec::default(),
        limits: gapless_model::limits::LimitSpec::default(),
        error_pages: gapless_model::ErrorPages::default(),
    }
}

pub(super) fn release(id: u32, marked: bool) -> Release {
    Release {
        id: ReleaseId(id),
        spec: release_spec(id),
        base_env: BTreeMap::from([("PATH".into(), "/bin".into())]),
        declared_cwd: "/srv/declared".into(),
        revision: None,
        reload_of: None,
        code: marked.then(|| "/code".into()),
        created: WallTime::from_millis(1_763_715_479_123),
        mark: if marked { Mark::Good } else { Mark::Untried },
    }
}

pub(super) fn rollout(id: u64, of: AppName, ended: bool) -> RolloutRecord {
    let why = AbortReason::InstanceFailed { instance: InstanceId::new(of.clone(), 7), failure: failure() };
    let outcome = if id.is_multiple_of(2) { Outcome::Completed } else { Outcome::Aborted { why } };
    let at = Moment::from_millis(id);
    let receipt = Receipt {
        rollout: RolloutId(id),
        app: of.clone(),
        from: Some(ReleaseId(1)),
        to: ReleaseId(2),
        outcome: outcome.clone(),
        traffic: TrafficCount { served: 12, ..TrafficCount::default() },
        served_by: BTreeMap::from([(ReleaseId(1), 4), (ReleaseId(2), 8)]),
        longest_stall: Duration::from_millis(3),
        took: Duration::from_secs(4),
        phases: vec![PhaseTime { phase: "replacing".into(), took: Duration::from_secs(4) }],
        flips: vec![Flip { to: ReleaseId(2), micros: 1_234 }],
    };
    RolloutRecord {
        rollout: Rollout {
            id: RolloutId(id),
            app: of,
            kind: RolloutKind::Deploy,
            from: Some(ReleaseId(1)),
            to: ReleaseId(2),
            strategy: Strategy::Rolling,
            phase: if ended {
                RolloutPhase::Ended { at, outcome }
            } else {
                RolloutPhase::Replacing { since: at }
            },
            paused: None,
            began: at,
            began_at: WallTime::from_millis(id),
            preview: Some(Preview {
                secret: PreviewSecret::new("0123".into()),
                address: Some("127.0.0.1:9100".parse().unwrap()),
            }),
        },
        begun: Some("{\"served\":1}".into()),
        receipt: ended.then_some(receipt),
    }
}

fn failure() -> Failure {
    let answer = ProbeAnswer::Status { code: 503, location: None, body: "not \u{fffd} yet".into() };
    let report = ProbeReport { at: Moment::from_millis(5), asked: "GET /ready".into(), answer };
    Failure::StartDeadline { after: Duration::from_secs(60), report: Some(report) }
}

pub(super) fn instance(of: u32, number: u32, restarts: u32) -> InstanceRecord {
    let since = Moment::from_millis(17);
    InstanceRecord {
        id: InstanceId::new(app_name(of), number),
        release: ReleaseId(number),
        state: if restarts == 0 {
            InstanceState::Starting { since, deadline: since + Duration::from_secs(60) }
        } else {
            InstanceState::Gone { exit: Some(Exit::Signal(9)) }
        },
        process: Some(ProcessId { pid: 4242, started: 99 }),
        address: Some(Address::Unix(format!("/run/app{of}-{number}.sock").into())),
        was_ready: restarts > 0,
        started: Some(WallTime::from_millis(1_763_715_479_123)),
        retiring: (restarts > 1).then_some(Retiring {
            since,
            drain_deadline: since,
            upgraded_deadline: since,
        }),
        restarts,
        last_failure: (restarts > 0).then(failure),
    }
}

pub(super) fn note(of: Option<u32>, message: &str) -> Change {
    let what = What::Trouble { message: message.into() };
    Change::Note { at: WallTime::from_millis(1_763_715_479_123), app: of.map(app_name), what }
}

/// A journal in a directory of its own, which goes with the first of the two.
pub(super) struct Place {
    pub(super) directory: tempfile::TempDir,
    pub(super) path: Utf8PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("journal.db");
        Self { directory, path }
    }

    pub(super) fn open(&self) -> (Journal, Recovered) {
        Journal::open(&self.path).unwrap()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
