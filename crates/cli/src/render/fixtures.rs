//! Fixed inputs for the tests of what users see.

use gapless_api::Status;
use gapless_api::progress::Stand;
use gapless_api::request::LogLine;
use gapless_api::status::{AppStatus, EjectedStatus, GaplessStatus, InstanceStatus, Waiting};
use gapless_model::probe::{ProbeAnswer, ProbeReport};
use gapless_model::receipt::PhaseTime;
use gapless_model::{
    AbortReason, AppName, Failure, InstanceId, Moment, Outcome, Preview, PreviewSecret, Receipt, ReleaseId,
    Resource, Rollout, RolloutId, RolloutKind, RolloutPhase, Strategy, TrafficCount, Unlimited, Until,
    WaitingOn, WallTime,
};
use std::time::Duration;

pub(crate) const R1: ReleaseId = ReleaseId(1);
pub(crate) const R2: ReleaseId = ReleaseId(2);

pub(crate) fn app() -> AppName {
    "api".parse().unwrap()
}

pub(crate) fn instance(n: u32) -> InstanceId {
    InstanceId::new(app(), n)
}

pub(crate) fn probe(answer: ProbeAnswer) -> ProbeReport {
    ProbeReport { at: Moment::from_millis(9_000), asked: "GET /ready".into(), answer }
}

pub(crate) fn deadline_passed(answer: ProbeAnswer) -> Failure {
    Failure::StartDeadline { after: Duration::from_secs(5), report: Some(probe(answer)) }
}

pub(crate) fn failed(failure: Failure) -> AbortReason {
    AbortReason::InstanceFailed { instance: instance(7), failure }
}

pub(crate) fn receipt(from: Option<ReleaseId>, outcome: Outcome) -> Receipt {
    let phase = |phase: &str, ms| PhaseTime { phase: phase.into(), took: Duration::from_millis(ms) };
    Receipt {
        rollout: RolloutId(4),
        app: app(),
        from,
        to: R2,
        outcome,
        traffic: TrafficCount { served: 12_345, retried: 3, held: 1, ..TrafficCount::default() },
        served_by: [(R1, 5_000), (R2, 7_345)].into(),
        longest_stall: Duration::from_millis(12),
        took: Duration::from_millis(6_320),
        phases: vec![phase("replacing", 4_100), phase("baking", 2_000), phase("retiring", 220)],
        flips: Vec::new(),
    }
}

pub(crate) fn log(n: u32, err: bool, text: &str) -> LogLine {
    LogLine { at: WallTime::from_millis(1_795_250_000_000), instance: instance(n), err, text: text.into() }
}

pub(crate) fn waiting(on: WaitingOn, remaining_ms: Option<u64>) -> Waiting {
    Waiting { text: on.to_string(), on, remaining_ms }
}

pub(crate) fn to_become_ready(n: u32) -> Waiting {
    let on = WaitingOn::Ready { instance: instance(n), deadline: Moment::from_millis(60_000) };
    waiting(on, Some(58_400))
}

pub(crate) fn to_be_up(app: &str, until: Until) -> Waiting {
    waiting(WaitingOn::After { app: app.parse().unwrap(), until, deadline: None }, None)
}

pub(crate) fn to_drain(n: u32, requests: u32) -> Waiting {
    let deadline = Moment::from_millis(60_000);
    waiting(WaitingOn::Drained { instance: instance(n), requests, upgraded: 0, deadline }, Some(29_900))
}

pub(crate) fn stand(waiting: Vec<Waiting>) -> Stand {
    Stand {
        phase: Some(RolloutPhase::Replacing { since: Moment::from_millis(1_000) }),
        ready: [(R1, 2), (R2, 1)].into(),
        wanted: 2,
        split: [(R1, 67), (R2, 33)].into(),
        waiting,
        instances: vec![
            (instance(1), R1, "ready".into()),
            (instance(2), R1, "ready".into()),
            (instance(3), R2, "ready".into()),
        ],
        served: 1_240,
        failed: 0,
    }
}

pub(crate) fn instance_status(n: u32, release: ReleaseId) -> InstanceStatus {
    InstanceStatus {
        id: instance(n),
        pid: Some(4_000 + n),
        release,
        state: "ready".into(),
        detail: None,
        restarts: 0,
        address: Some(format!("unix:/g/run/api-{n}.sock")),
        started: Some(WallTime::from_millis(1_795_250_000_000)),
        uptime_ms: Some(200_000),
        cpu_percent: Some(12.4),
        memory: Some(88_200_000),
        in_flight: 2,
        traffic: TrafficCount { served: 12_000, ..TrafficCount::default() },
        ejected: None,
        unlimited: None,
    }
}

/// One of its two instances is passed over by both workers.
pub(crate) fn with_an_ejected_one() -> AppStatus {
    let mut app = app_status();
    app.instances[1].ejected = Some(EjectedStatus {
        why: "5 requests in a row failed, at last it answered with 500 Internal Server Error".into(),
        remaining_ms: 4_200,
        workers: 2,
    });
    app
}

pub(crate) fn app_status() -> AppStatus {
    AppStatus {
        name: app(),
        release: Some(R1),
        ready: 2,
        wanted: 2,
        split: [(R1, 100)].into(),
        routes: vec!["127.0.0.1:8080".into()],
        rollout: None,
        waiting: Vec::new(),
        instances: vec![instance_status(1, R1), instance_status(2, R1)],
        requests_per_second: 120.34,
        traffic: TrafficCount { served: 24_000, retried: 1, ..TrafficCount::default() },
        last_failure: None,
    }
}

pub(crate) fn rolling() -> AppStatus {
    let rollout = Rollout {
        id: RolloutId(4),
        app: app(),
        kind: RolloutKind::Deploy,
        from: Some(R1),
        to: R2,
        strategy: Strategy::Rolling,
        phase: RolloutPhase::Replacing { since: Moment::from_millis(1_000) },
        paused: None,
        began: Moment::from_millis(1_000),
        began_at: WallTime::from_millis(1_795_250_000_000),
        preview: None,
    };
    let mut starting = instance_status(3, R2);
    starting.state = "starting".into();
    starting.detail = Some("has 59s left to become ready".into());
    (starting.address, starting.cpu_percent) = (None, None);
    let mut app = app_status();
    app.instances.push(starting);
    app.waiting = vec![to_become_ready(3), to_drain(1, 4)];
    app.rollout = Some(rollout);
    app
}

/// A blue-green release that waits for its promotion.
pub(crate) fn previewed() -> AppStatus {
    let mut app = rolling();
    let until = Moment::from_millis(86_400_000);
    app.waiting = vec![waiting(WaitingOn::Promoted { deadline: until }, Some(86_280_000))];
    let rollout = app.rollout.as_mut().unwrap();
    rollout.strategy = Strategy::BlueGreen;
    rollout.phase = RolloutPhase::Verified { since: Moment::from_millis(2_000), until };
    rollout.preview = Some(Preview {
        secret: PreviewSecret::new("0123456789abcdef0123456789abcdef".into()),
        address: Some("127.0.0.1:9100".parse().unwrap()),
    });
    app
}

/// A worker without routes that crash-loops after a release that failed.
pub(crate) fn in_trouble() -> AppStatus {
    let mut instance = instance_status(9, R1);
    instance.id = InstanceId::new("mailer".parse().unwrap(), 9);
    instance.state = "backoff".into();
    instance.detail = Some("crash loop: 6 failures, next try in 8s".into());
    instance.restarts = 6;
    (instance.pid, instance.uptime_ms, instance.cpu_percent, instance.memory) = (None, None, None, None);
    instance.address = None;
    let mut other = instance_status(10, R1);
    other.id = InstanceId::new("mailer".parse().unwrap(), 10);
    other.unlimited =
        Some(Unlimited { what: vec![Resource::Memory, Resource::Cpu], why: "the reason why".into() });
    AppStatus {
        name: "mailer".parse().unwrap(),
        ready: 0,
        wanted: 1,
        split: [].into(),
        routes: Vec::new(),
        instances: vec![instance, other],
        requests_per_second: 0.0,
        traffic: TrafficCount { failed: 1, ..TrafficCount::default() },
        last_failure: Some(
            "instance mailer-9 failed: it exited with code 1 after 30ms, before it was ready".into(),
        ),
        ..app_status()
    }
}

pub(crate) fn stopped() -> AppStatus {
    AppStatus {
        name: "old".parse().unwrap(),
        ready: 0,
        wanted: 0,
        split: [].into(),
        instances: Vec::new(),
        requests_per_second: 0.0,
        traffic: TrafficCount::default(),
        ..app_status()
    }
}

pub(crate) fn status(apps: Vec<AppStatus>) -> Status {
    Status {
        gapless: GaplessStatus {
            version: "0.1.0".into(),
            keeper_pid: Some(1),
            control_pid: 2,
            proxy_pid: Some(3),
            retiring_proxies: Vec::new(),
            home: "/var/lib/gapless".into(),
            uptime_ms: 7_500_000,
            now: Moment::from_millis(9_000_000),
            troubles: Vec::new(),
            tls: None,
        },
        apps,
    }
}
