//! `up`: what changed, nothing else, and what became of it.

use super::stage::{ask, code, code_app, current, is_replacing, runs, slow};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, PATIENCE, Site, apps_directory, free_address};
use gapless_testkit::wait::wait_for;

/// Two apps in one file, on one listener, told apart by their hosts.
fn two_hosts(site: &Site, setting_of_b: &str) {
    let script = apps_directory().join("cases.mjs").display().to_string();
    let app = |name: &str, version: &str| {
        format!(
            "[apps.{name}]\ncommand = [\"node\", {script:?}]\nport = 3000\ninstances = 2\n\
             env = {{ VERSION = {version:?} }}\n\n[[apps.{name}.routes]]\nlisten = \"{}\"\n\
             host = \"{name}.test\"\n\n[apps.{name}.ready]\npath = \"/ready\"\ninterval = \"100ms\"\n\n\
             [apps.{name}.rollout]\nbake = \"0s\"\n\n",
            site.address()
        )
    };
    site.write("gapless.toml", app("a", "a1") + &app("b", setting_of_b));
}

#[test]
fn up_rolls_out_only_what_changed() {
    let site = Site::new();
    two_hosts(&site, "b1");
    let _ = site.gapless(&["up"]).succeeds();
    let version = |host: &str| {
        let answer = Customer::of(site.address()).header("Host", host).get("/").unwrap();
        (answer.status, answer.headers.get("x-version").cloned())
    };
    assert_eq!(version("a.test"), (200, Some("a1".into())));
    assert_eq!(version("b.test"), (200, Some("b1".into())));
    let stranger = version("c.test");
    assert!(stranger.0 == 404 && stranger.1.is_none(), "{stranger:?}");

    let (a, b) = (site.pids("a"), site.pids("b"));
    let mut load = plan(&site, Clients::Mixed, false);
    load.host = "b.test".into();
    let load = begin(load);
    two_hosts(&site, "b2");
    let up = site.gapless(&["up"]).succeeds().says("env.VERSION").says(" 0 lost");
    nothing_lost(load);
    assert!(!up.text().contains("b2"), "values may be secrets: {}", up.text());
    assert_eq!(site.pids("a"), a, "the other app was not touched");
    assert!(site.pids("b").values().all(|pid| !b.values().any(|old| old == pid)));
    assert_eq!(version("a.test"), (200, Some("a1".into())));
    assert_eq!(version("b.test"), (200, Some("b2".into())));

    // Named apps only.
    two_hosts(&site, "b3");
    let _ = site.gapless(&["up", "a"]).succeeds().says("nothing changed");
    assert_eq!(version("b.test").1.as_deref(), Some("b2"));
    let _ = site.gapless(&["up", "c"]).exits(2);
}

#[test]
fn up_tries_a_first_release_that_failed_again() {
    let site = Site::new();
    let app = CaseApp { deadline: "5s".into(), ..CaseApp::new(2) };
    app.clone().env("CRASH_AT_BOOT", 1).define(&site);
    for _ in 0..2 {
        let up = site.gapless(&["up"]).exits(1).says("there is no earlier release to return to");
        let _ = up.says("DATABASE_URL is not set");
    }
    // Commands that wait for the app to be as it should do not wait for ever.
    for words in [&["scale", "app", "1"][..], &["restart", "app"], &["restart", "app", "--json"]] {
        let _ = site.gapless(words).exits(1).says("DATABASE_URL is not set");
    }
    app.up(&site);
    let now = site.app("app");
    assert_eq!((now.ready, now.instances.len(), now.last_failure), (2, 2, None));
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
}

#[test]
fn a_restart_that_fails_says_so_and_a_reload_of_mended_code_helps() {
    let site = Site::new();
    let directory = code(&site, "code", "one");
    code_app(&site, &directory, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    site.write("code/server.mjs", "throw new Error('cannot find the module left-pad')");
    let restart = site.gapless(&["restart", "app"]).exits(1).says("does not come up");
    let _ = restart.says("exited with code 1").says("left-pad");
    code(&site, "code", "two");
    let _ = site.gapless(&["reload", "app"]).succeeds().says("r1 → r2");
    assert_eq!((runs(&site)[0].as_str(), site.instances("app").len()), ("two", 2));
}

#[test]
fn up_of_what_is_under_way_ends_as_that_does() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let first = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r2");
    let _ = first.wait().succeeds().says("r1 → r2");

    CaseApp { deadline: "2s".into(), ..CaseApp::new(2).env("NEVER_READY", 1) }.define(&site);
    let first = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["up"]).exits(3).says("r2 goes on serving");
    let _ = first.wait().exits(3);
}

#[test]
fn what_an_app_of_the_same_name_once_said_is_not_quoted() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["delete", "app"]).succeeds();
    CaseApp::new(1).env("CRASH_AT_BOOT", 1).define(&site);
    let up = site.gapless(&["up"]).exits(1).says("DATABASE_URL is not set");
    assert!(!up.text().contains("listening on port"), "{}", up.text());
    let _ = site.gapless(&["logs", "app"]).succeeds().says("listening on port");
}

#[test]
fn settings_change_without_new_processes() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    CaseApp::new(3).define(&site);
    let _ = site.gapless(&["up"]).succeeds().says("instances: 2 → 3");
    let after = site.pids("app");
    assert_eq!((current(&site), after.len()), (Some(1), 3));
    assert!(before.iter().all(|(id, pid)| after.get(id) == Some(pid)));

    // A further address, and then only that one.
    let second = free_address();
    let mut both = CaseApp::new(3);
    both.tables = format!("[[apps.app.routes]]\nlisten = \"{second}\"\n");
    both.define(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["up"]).succeeds().says("routes:");
    assert_eq!(ask(second).headers["x-version"], "v1");
    nothing_lost(load);
    let moved = CaseApp::new(3).toml(&site).replace(&site.address().to_string(), &second.to_string());
    site.write("gapless.toml", moved);
    let _ = site.gapless(&["up"]).succeeds().says("routes:");
    assert_eq!(ask(second).headers["x-version"], "v1");
    wait_for("the old address to be given up", PATIENCE, || Customer::of(site.address()).get("/").err());
    assert_eq!(site.pids("app"), after);
}

#[test]
fn what_cannot_be_leaves_everything_as_it_is() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let good = CaseApp::new(2).env("VERSION", "v2").toml(&site);
    let other = good.replace("apps.app", "apps.other");
    for (file, what) in [
        (good.replace("instances = 2", "instances = 0"), "instances"),
        (good.replace("interval", "intervall"), "did you mean `interval`"),
        (good.replace(&site.address().to_string(), &taken.local_addr().unwrap().to_string()), "in use"),
        (format!("{good}\n{other}"), "on the same route"),
    ] {
        site.write("gapless.toml", file);
        let outcome = site.gapless(&["up"]).exits(2);
        assert!(outcome.text().to_lowercase().contains(what), "no {what:?} in\n{}", outcome.text());
        assert_eq!(site.pids("app"), before);
    }
    assert_eq!((current(&site), ask(site.address()).headers["x-version"].as_str()), (Some(1), "v1"));
}
