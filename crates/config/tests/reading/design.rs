//! The file that the design shows, and the one that says nothing.

use camino::Utf8Path;
use gapless_config::{Config, Proxy};
use gapless_model::app::WebSocketPolicy;
use gapless_model::app::{DrainSpec, HoldSpec, LogSpec, RestartPolicy, RestartSpec, RetrySpec, RolloutSpec};
use gapless_model::balance::BalanceSpec;
use gapless_model::probe::{ProbeKind, ProbeSpec};
use gapless_model::release::{StopSpec, StopTarget};
use gapless_model::route::{HostPattern, RouteSpec};
use gapless_model::{
    AddressMode, AppSettings, AppSpec, CommandLine, Instances, ReleaseSpec, Signal, Strategy,
};
use std::collections::BTreeMap;
use std::time::Duration;

const SHOWN: &str = r#"
[apps.api]
command   = "node server.js"      # words, not a shell; `shell = true` to opt in
cwd       = "."                   # relative to this file
instances = 2                     # a number or "max"
port      = 3000                  # the port that the app itself asks for
env       = { NODE_ENV = "production" }
env_file  = ".env"

[[apps.api.routes]]
listen = "127.0.0.1:8080"         # also ":443" with [tls]
host   = "example.com"            # optional; also "*.example.com"
path   = "/"                      # optional prefix

[apps.api.ready]                  # gates traffic and every step
path = "/ready"                   # or tcp = true, command = "…", notify = true
interval = "500ms"
timeout = "2s"
successes = 1
failures = 3
deadline = "60s"                  # then the start has failed

[apps.api.live]                   # restarts a wedged instance
path = "/live"
interval = "10s"
failures = 3

[apps.api.stop]
signal = "SIGTERM"
timeout = "30s"

[apps.api.drain]
timeout = "30s"
websocket = "close"

[apps.api.rollout]
strategy = "rolling"              # rolling | blue-green | canary | recreate
max_surge = 1
max_unavailable = 0
bake = "30s"
"#;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What holds where nothing is said.
fn plain(name: &str, command: &[&str], cwd: &Utf8Path) -> AppSpec {
    AppSpec {
        name: name.parse().unwrap(),
        release: ReleaseSpec {
            command: CommandLine::Words(command.iter().map(|word| (*word).to_owned()).collect()),
            cwd: cwd.to_owned(),
            port: None,
            address: AddressMode::None,
            env: BTreeMap::new(),
            startup: None,
            ready: ProbeSpec {
                kind: ProbeKind::Alive,
                interval: ms(500),
                timeout: ms(2000),
                successes: 1,
                failures: 3,
            },
            protocol: Default::default(),
            start_deadline: ms(60_000),
            secrets: Default::default(),
            process: Default::default(),
            live: None,
            stop: StopSpec { signal: Signal::Term, to: StopTarget::Group, timeout: ms(30_000) },
        },
        settings: AppSettings {
            instances: Instances::Count(1),
            after: Vec::new(),
            routes: vec![],
            drain: DrainSpec {
                timeout: ms(30_000),
                websocket: WebSocketPolicy::Close,
                websocket_timeout: ms(600_000),
                websocket_window: ms(5_000),
            },
            restart: RestartSpec {
                policy: RestartPolicy::Always,
                backoff: ms(100),
                backoff_max: ms(15_000),
                stable_after: ms(10_000),
            },
            rollout: RolloutSpec {
                strategy: Strategy::Rolling,
                max_surge: 1,
                max_unavailable: 0,
                bake: ms(30_000),
                verify: None,
                preview: None,
                autopromote: true,
                promote_deadline: ms(24 * 3_600_000),
            },
            logs: LogSpec { max_size: 10_000_000, max_age: ms(7 * 24 * 3_600_000), keep: 5 },
            hold: HoldSpec::default(),
            retry: RetrySpec::default(),
            balance: BalanceSpec::default(),
            limits: gapless_model::limits::LimitSpec::default(),
            max_memory: None,
            error_pages: gapless_model::ErrorPages::default(),
        },
    }
}

#[test]
fn the_file_of_the_design() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    std::fs::write(path.join("gapless.toml"), SHOWN).unwrap();
    std::fs::write(path.join(".env"), "export DB=postgres\nNODE_ENV=test\n").unwrap();
    let config = Config::load(&path.join("gapless.toml"), &BTreeMap::new()).unwrap();

    let mut expected = plain("api", &["node", "server.js"], path);
    let rhythm = expected.release.ready.clone();
    expected.release.port = Some(3000);
    expected.release.address = AddressMode::Auto;
    expected.release.env =
        BTreeMap::from([("DB".into(), "postgres".into()), ("NODE_ENV".into(), "production".into())]);
    expected.release.ready = ProbeSpec { kind: ProbeKind::Http { path: "/ready".into() }, ..rhythm.clone() };
    expected.release.live =
        Some(ProbeSpec { kind: ProbeKind::Http { path: "/live".into() }, interval: ms(10_000), ..rhythm });
    expected.settings.instances = Instances::Count(2);
    expected.settings.routes = vec![RouteSpec {
        listen: "127.0.0.1:8080".parse().unwrap(),
        host: Some(HostPattern::Exact("example.com".into())),
        path: "/".into(),
        tls: false,
    }];
    assert_eq!((config.apps, config.proxy), (vec![expected], None));
}

#[test]
fn everything_by_default() {
    let here = Utf8Path::new("/");
    let text = "[apps.worker]\ncommand = \"node worker.js\"\n[proxy]\n".to_owned();
    let config = Config::parse("gapless.toml", text, here, &BTreeMap::new()).unwrap();
    let proxy = Some(Proxy {
        workers: None,
        access_log: gapless_model::AccessLog::Json,
        trust: gapless_model::trust::Trust::default(),
        error_pages: gapless_model::ErrorPages::default(),
    });
    assert_eq!((config.apps, config.proxy), (vec![plain("worker", &["node", "worker.js"], here)], proxy));
}

#[test]
fn the_examples_are_right() {
    let examples = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut read = 0;
    for entry in examples.read_dir_utf8().unwrap() {
        let file = entry.unwrap().path().join("gapless.toml");
        if file.is_file() {
            let config = Config::load(&file, &BTreeMap::new()).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(config.apps.iter().all(|app| app.release.address != AddressMode::None), "{file}");
            read += 1;
        }
    }
    assert!(read > 0);
}
