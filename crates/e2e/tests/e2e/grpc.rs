//! A gRPC server that knows nothing of shutting down is replaced under gRPC calls of all kinds: each has its
//! messages, its status and its trailers, and a stream ends on the instance on which it began.

use gapless_e2e::{PATIENCE, Partner, Site, apps_directory, free_address, versions};
use gapless_testkit::wait::wait_for;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where server and clients are.
fn directory() -> PathBuf {
    let directory = apps_directory().join("grpc");
    assert!(directory.join("node_modules").exists(), "run `npm ci` in {}", directory.display());
    directory
}

/// Writes the server as an app that is reached at `address`.
fn define(site: &Site, instances: u32, address: SocketAddr) {
    let cwd = directory().display().to_string();
    let toml = format!(
        "[apps.grpc]\ncommand = \"node server.mjs\"\ncwd = {cwd:?}\nport = 50051\nprotocol = \"h2c\"\n\
         instances = {instances}\n\n[[apps.grpc.routes]]\nlisten = \"{address}\"\n\n\
         [apps.grpc.ready]\ntcp = true\ninterval = \"100ms\"\n\n[apps.grpc.rollout]\nbake = \"200ms\"\n",
    );
    site.write("gapless.toml", toml);
}

fn up(instances: u32) -> Site {
    let site = Site::new();
    define(&site, instances, site.address());
    let _ = site.gapless(&["up"]).succeeds();
    site
}

fn clients(site: &Site, what: &str) -> Partner {
    Partner::node(&directory(), &["clients.mjs", &site.address().to_string(), what])
}

/// The process of the app's one instance that serves.
fn serving(site: &Site) -> u32 {
    let app = site.wait_until("grpc", "one instance serves", |app| {
        app.split.len() == 1 && app.instances.iter().any(|i| i.state == "ready")
    });
    let release = app.split.keys().next().unwrap().to_string();
    let serves = app.instances.iter().find(|i| i.release.to_string() == release && i.state == "ready");
    serves.unwrap().pid.unwrap()
}

/// How many calls there were.
fn all(seen: &Value) -> u64 {
    seen["calls"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
}

#[test]
fn calls_of_all_kinds_through_three_reloads() {
    let site = up(2);
    let mut clients = clients(&site, "load");
    for _ in 0..3 {
        let reload = site.gapless(&["reload", "grpc"]).succeeds().says(" 0 lost");
        assert!(!reload.text().contains("aborted"), "{}", reload.text());
    }
    // All kinds are served by the last release as well.
    let before = all(&clients.told("now"));
    wait_for("more calls", PATIENCE, || (all(&clients.told("now")) > before + 50).then_some(()));
    let seen = clients.told("stop");
    assert_eq!(seen["faults"], json!([]), "{seen}");
    for kind in ["once", "fail", "listen", "tell", "chat", "anew"] {
        assert!(seen["calls"][kind].as_u64().unwrap() >= 10, "too few to lose any: {seen}");
    }
    assert_eq!(seen["served"].as_object().unwrap().len(), 8, "two instances of four releases: {seen}");
    let counted = site.app("grpc").traffic;
    assert_eq!((counted.failed, counted.client_gone), (0, 0), "{counted:?}");
    let instances = site.instances("grpc");
    assert!(instances.iter().all(|i| i.state == "ready" && i.restarts == 0 && i.release.0 == 4));
}

#[test]
fn calls_of_all_kinds_through_three_upgrades_of_gapless_itself() {
    let site = up(2);
    let pids = site.pids("grpc");
    let mut load = clients(&site, "unsent");
    let mut talk = clients(&site, "talk");
    let by = talk.told("say")["pid"].clone();
    for program in versions(&site).iter().cycle().take(3) {
        let _ = site.gapless_of(program, &["upgrade"]).succeeds();
        let before = all(&load.told("now"));
        wait_for("more calls", PATIENCE, || (all(&load.told("now")) > before + 50).then_some(()));
        // A stream that has begun goes on, on the connection to the first proxy.
        assert_eq!(talk.told("say"), json!({ "pid": by, "right": true }));
    }
    assert_eq!(talk.told("end"), json!({ "code": 0, "details": "OK", "by": by }));
    assert_eq!(talk.told("once")["code"], 0);
    let seen = load.told("stop");
    assert_eq!(seen["faults"], json!([]), "{seen}");
    let counted = site.app("grpc").traffic;
    assert_eq!((counted.failed, counted.client_gone), (0, 0), "{counted:?}");
    assert_eq!(site.pids("grpc"), pids);
}

#[test]
fn a_stream_ends_where_it_began() {
    let site = up(1);
    let old = serving(&site);
    let mut client = clients(&site, "talk");
    let reload = site.begin(&["reload", "grpc"]);
    let new = wait_for("another instance serves", PATIENCE, || {
        let by = client.told("once");
        assert_eq!(by["code"], 0, "{by}");
        (by["by"] != old).then(|| by["by"].clone())
    });
    // On one connection: new calls go to the new one, the stream stays.
    for _ in 0..5 {
        assert_eq!(client.told("say"), json!({ "pid": old, "right": true }));
        assert_eq!(client.told("once")["by"], new);
    }
    assert!(gapless_e2e::process::runs(old));
    assert_eq!(client.told("end"), json!({ "code": 0, "details": "OK", "by": old }));
    let _ = reload.wait().succeeds().says(" 0 lost");
    wait_for("the old instance is gone", PATIENCE, || (!gapless_e2e::process::runs(old)).then_some(()));
}

#[test]
fn a_listener_that_goes_away_says_so_and_cuts_nothing() {
    let site = up(1);
    let pid = serving(&site);
    let mut client = clients(&site, "talk");
    let elsewhere = free_address();
    define(&site, 1, elsewhere);
    let _ = site.gapless(&["up"]).succeeds();
    // A connection without a stream is told GOAWAY with NO_ERROR and closed.
    assert_eq!(client.told("goodbye"), json!({ "goaway": 0, "error": null, "closed": true }));
    // One with a stream serves that to its end.
    for _ in 0..5 {
        assert_eq!(client.told("say"), json!({ "pid": pid, "right": true }));
    }
    assert_eq!(client.told("end"), json!({ "code": 0, "details": "OK", "by": pid }));
    // It takes no other call: UNAVAILABLE, as nobody listens there any more.
    assert_eq!(client.told("once")["code"], 14);
    let mut moved = Partner::node(&directory(), &["clients.mjs", &elsewhere.to_string(), "talk"]);
    assert_eq!(moved.told("once")["by"], pid, "the app was left as it is");
    assert_eq!(serving(&site), pid);
}
