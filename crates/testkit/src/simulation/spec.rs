//! Apps and releases as the engine wants them, from the few traits that matter here.

use super::scenario::{AppShape, Policy};
use camino::Utf8PathBuf;
use gapless_model::app::{
    DrainSpec, HoldSpec, Instances, LogSpec, RestartPolicy, RestartSpec, RetrySpec, RolloutSpec, VerifySpec,
    WebSocketPolicy,
};
use gapless_model::balance::BalanceSpec;
use gapless_model::limits::LimitSpec;
use gapless_model::probe::{ProbeKind, ProbeSpec};
use gapless_model::release::{Mark, StopSpec, StopTarget};
use gapless_model::route::RouteSpec;
use gapless_model::{
    AddressMode, AppName, AppSettings, CommandLine, Release, ReleaseId, ReleaseSpec, Signal, WallTime,
};
use std::net::SocketAddr;
use std::time::Duration;

/// From its start until an instance that is not ready has failed.
pub(super) const START_DEADLINE: u64 = 2_000;

/// From the stop signal to SIGKILL.
pub(super) const STOP_TIMEOUT: u64 = 1_000;

/// How long the checks of a release may take.
pub(super) const VERIFY_TIMEOUT: u64 = 1_500;

/// How long a promotion is waited for.
pub(super) const PROMOTE_DEADLINE: u64 = 4_000;

/// How long the proxy holds a request for which nobody is there.
pub(super) const HOLD_TIMEOUT: u64 = 3_000;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The name of the app at this place.
pub(super) fn name(place: usize) -> AppName {
    let letter = char::from(b'a' + u8::try_from(place % 26).unwrap_or_default());
    letter.to_string().parse().expect("a letter is an app name")
}

/// As much memory as an instance may take, in bytes.
pub(super) const MAX_MEMORY: u64 = 1 << 20;

/// Its settings.
pub(super) fn settings(place: usize, shape: &AppShape) -> AppSettings {
    let port = 8_000 + u16::try_from(place).unwrap_or_default();
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    let route = RouteSpec { listen, host: None, path: "/".into(), tls: false };
    AppSettings {
        instances: Instances::Count(shape.wanted),
        after: shape.after.iter().map(|place| name(*place)).collect(),
        routes: if shape.routed { vec![route] } else { Vec::new() },
        drain: DrainSpec {
            timeout: ms(shape.drain),
            websocket: WebSocketPolicy::Close,
            websocket_timeout: ms(shape.drain),
            websocket_window: Duration::ZERO,
        },
        restart: RestartSpec {
            policy: match shape.restart {
                Policy::Always => RestartPolicy::Always,
                Policy::OnFailure => RestartPolicy::OnFailure,
                Policy::Never => RestartPolicy::Never,
            },
            backoff: ms(100),
            backoff_max: ms(1_600),
            stable_after: ms(10_000),
        },
        rollout: RolloutSpec {
            strategy: shape.strategy,
            max_surge: shape.max_surge,
            max_unavailable: shape.max_unavailable,
            bake: ms(shape.bake),
            verify: shape.verified.then(|| VerifySpec {
                checks: Vec::new(),
                command: None,
                timeout: ms(VERIFY_TIMEOUT),
            }),
            preview: None,
            autopromote: !shape.asks,
            promote_deadline: ms(PROMOTE_DEADLINE),
        },
        logs: LogSpec { max_size: 1 << 20, max_age: ms(86_400_000), keep: 3 },
        hold: HoldSpec { max_requests: 1_000, max_bytes: 1 << 24, timeout: ms(HOLD_TIMEOUT) },
        retry: RetrySpec { non_idempotent: false, max_body: 65_536 },
        balance: BalanceSpec::default(),
        limits: LimitSpec::default(),
        max_memory: Some(MAX_MEMORY),
        error_pages: gapless_model::ErrorPages::default(),
    }
}

/// One of its releases.
pub(super) fn release(id: ReleaseId, routed: bool) -> Release {
    let probe = ProbeSpec {
        kind: if routed { ProbeKind::Http { path: "/ready".into() } } else { ProbeKind::Alive },
        interval: ms(100),
        timeout: ms(100),
        successes: 1,
        failures: 1,
    };
    let cwd = Utf8PathBuf::from("/srv/app");
    let spec = ReleaseSpec {
        command: CommandLine::Words(vec!["app".into()]),
        cwd: cwd.clone(),
        port: None,
        address: if routed { AddressMode::Socket } else { AddressMode::None },
        env: [("RELEASE".to_owned(), id.to_string())].into(),
        startup: None,
        ready: probe.clone(),
        protocol: Default::default(),
        start_deadline: ms(START_DEADLINE),
        secrets: Default::default(),
        process: Default::default(),
        live: Some(probe),
        stop: StopSpec { signal: Signal::Term, to: StopTarget::Group, timeout: ms(STOP_TIMEOUT) },
    };
    Release {
        id,
        spec,
        base_env: std::collections::BTreeMap::new(),
        declared_cwd: cwd,
        revision: None,
        reload_of: None,
        code: None,
        created: WallTime::default(),
        mark: Mark::Untried,
    }
}
