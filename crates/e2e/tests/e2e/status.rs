//! Status says how everything stands: for people in a table, for scripts under names that they may rely on.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, PATIENCE, Site};
use gapless_model::WaitingOn;
use gapless_testkit::wait::wait_to_see;
use serde_json::{Value, json};

/// `status --json` as a script sees it.
fn json_of(site: &Site) -> Value {
    serde_json::from_str(&site.gapless(&["status", "--json"]).succeeds().out).unwrap()
}

#[test]
fn the_names_that_scripts_rely_on() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let status = json_of(&site);
    let gapless = &status["gapless"];
    assert_eq!(gapless["version"], env!("CARGO_PKG_VERSION"));
    for part in ["keeper_pid", "control_pid", "proxy_pid"] {
        let pid = gapless[part].as_u64().unwrap();
        assert!(gapless_e2e::process::runs(u32::try_from(pid).unwrap()), "{part} {pid}");
    }
    assert_eq!(gapless["home"], site.home().to_str().unwrap());
    assert_eq!(gapless["troubles"], json!([]));

    let [app] = &status["apps"].as_array().unwrap()[..] else { panic!("{status:#}") };
    assert_eq!(app["name"], "app");
    assert_eq!(app["release"], "r1");
    assert_eq!((&app["ready"], &app["wanted"]), (&json!(2), &json!(2)));
    assert_eq!(app["split"], json!({ "r1": 100 }));
    assert_eq!(app["rollout"], Value::Null);
    assert_eq!(app["waiting"], json!([]));
    let instances = app["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 2);
    for (n, instance) in instances.iter().enumerate() {
        assert_eq!(instance["id"], format!("app-{}", n + 1));
        assert!(instance["pid"].is_u64());
        assert_eq!(instance["release"], "r1");
        assert_eq!(instance["state"], "ready");
        assert_eq!(instance["restarts"], 0);
        let socket = site.home().join(format!("run/app-{}.sock", n + 1));
        assert_eq!(instance["address"], format!("unix:{}", socket.display()));
    }
}

#[test]
fn figures_of_an_app_under_load() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let app = site.wait_until("app", "all figures", |app| {
        let busy = app.instances.iter().all(|i| i.cpu_percent.is_some_and(|percent| percent > 0.0));
        busy && app.requests_per_second > 10.0 && app.instances.iter().any(|i| i.in_flight > 0)
    });
    for instance in &app.instances {
        // Node is never smaller, and this app never larger.
        assert!(instance.memory.is_some_and(|bytes| (20 << 20..400 << 20).contains(&bytes)), "{instance:?}");
        assert!(instance.cpu_percent.unwrap() < 250.0, "{instance:?}");
        assert!(instance.uptime_ms.is_some_and(|ms| (100..120_000).contains(&ms)), "{instance:?}");
        assert!(instance.started.is_some() && instance.traffic.served > 0, "{instance:?}");
    }
    assert_eq!(app.instances.iter().map(|i| i.traffic.served).sum::<u64>(), app.traffic.served);
    assert_eq!(app.routes, [site.address().to_string()]);

    let table = site.gapless(&["status"]).succeeds().out;
    let (head, rows) = table.split_once('\n').unwrap();
    for column in
        ["app", "release", "ready", "traffic", "restarts", "uptime", "cpu", "memory", "req/s", "waiting for"]
    {
        assert!(head.to_lowercase().contains(column), "no {column} in {table}");
    }
    assert!(rows.contains("r1") && rows.contains("2/2") && rows.contains("MiB"), "{table}");
    let one = site.gapless(&["status", "app"]).succeeds().out;
    for pid in app.instances.iter().filter_map(|i| i.pid) {
        assert!(one.contains(&pid.to_string()), "{one}");
    }
    assert!(one.contains("0 lost") && one.contains("per second") && one.contains("unix:"), "{one}");
    nothing_lost(load);
}

/// The table says `what`, if not at the first look: the proxy may have a split to apply before.
fn says_in_time(site: &Site, what: &str) {
    let table = || site.gapless(&["status"]).succeeds().out;
    wait_to_see(what, PATIENCE, table, |table| table.contains(what));
}

#[test]
fn what_a_rollout_waits_for() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let next = CaseApp { bake: "60s".into(), ..CaseApp::new(1).env("VERSION", "v2").env("BOOT_MS", 1500) };
    next.define(&site);
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    let starting = site.wait_until("app", "the new one to start", |app| !app.waiting.is_empty());
    let waiting = starting.waiting.iter().find(|w| matches!(w.on, WaitingOn::Ready { .. }));
    let waiting = waiting.unwrap_or_else(|| panic!("{:#?}", starting.waiting));
    assert_eq!(waiting.text, "app-2 to become ready");
    assert!(waiting.remaining_ms.is_some_and(|ms| ms > 0 && ms <= 30_000), "{waiting:?}");
    assert_eq!((starting.ready, starting.release.map(|r| r.0)), (1, Some(1)));
    assert!(starting.rollout.as_ref().is_some_and(|r| r.to.0 == 2 && r.from.is_some_and(|r| r.0 == 1)));
    says_in_time(&site, "up to r2 replacing: app-2 to become ready");

    let baking = site.wait_until("app", "the bake time", |app| {
        app.waiting.iter().any(|w| matches!(w.on, WaitingOn::Baked { .. }))
    });
    assert_eq!(baking.split.iter().map(|(r, share)| (r.0, *share)).collect::<Vec<_>>(), [(2, 100)]);
    let states: Vec<_> = baking.instances.iter().map(|i| i.state.as_str()).collect();
    assert_eq!(states, ["warm", "ready"]);
    says_in_time(&site, "up to r2 baking: the bake time to pass");
    let _ = site.gapless(&["pause", "app"]).succeeds();
    let paused = site.app("app");
    assert!(paused.waiting.iter().any(|w| matches!(w.on, WaitingOn::Resume { .. })), "{paused:#?}");
    let _ = site.gapless(&["resume", "app"]).succeeds();
    let _ = site.gapless(&["promote", "app"]).succeeds();
    let done = site.wait_until("app", "the end", |app| app.rollout.is_none() && app.instances.len() == 1);
    assert!(done.waiting.is_empty() && done.last_failure.is_none(), "{done:#?}");
}

#[test]
fn what_is_wrong() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let bad = CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) };
    bad.define(&site);
    let _ = site.gapless(&["up"]).exits(3);
    let why = site.app("app").last_failure.unwrap();
    assert!(why.contains("r2") && why.contains("503"), "{why}");
    let _ = site.gapless(&["status"]).succeeds().says("the last rollout did not complete").says("503");
    // It is forgotten with the next that completes.
    CaseApp::new(1).env("VERSION", "v3").define(&site);
    let _ = site.gapless(&["up"]).succeeds();
    assert_eq!(site.app("app").last_failure, None);
}

#[test]
fn what_is_stopped() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let app = site.app("app");
    assert_eq!((app.ready, app.wanted, app.instances.len()), (0, 0, 0));
    assert!(app.split.is_empty() && app.waiting.is_empty(), "{app:#?}");
    let _ = site.gapless(&["status"]).succeeds().says("stopped");
    // Who comes now is refused at once, which is no loss.
    let answer = Customer::of(site.address()).get("/").unwrap();
    assert_eq!((answer.status, answer.body.contains("The app is stopped.")), (503, true), "{answer:?}");
    let app = site.wait_until("app", "it to be counted", |app| app.traffic.refused == 1);
    assert_eq!(app.traffic.failed, 0, "{app:#?}");
    let _ = site.gapless(&["status", "app"]).succeeds().says("1 refused while it was stopped");
    let _ = site.gapless(&["status", "apq"]).exits(2).says("did you mean app?");
    let _ = site.gapless(&["down"]).succeeds();
    let _ = site.gapless(&["status"]).exits(4).says("Gapless does not run in");
}
