//! No request is lost while a bad version is tried: the old one goes on serving, the command exits with 3 and
//! says what the last probe got.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CapacityWatch, CaseApp, Outcome, Site, free_address};
use std::sync::Arc;

const INSTANCES: u32 = 2;

/// Brings version 1 up, rolls out `bad` under load, and sees that version 1 serves on.
fn try_bad(bad: &CaseApp) -> (Arc<Site>, Outcome) {
    let site = Arc::new(Site::new());
    CaseApp::new(INSTANCES).up(&site);
    let before: Vec<_> = site.instances("app").iter().map(|i| i.pid).collect();
    // Keyed: a version that crashes takes down what it has begun, and only such requests may be sent again.
    let load = begin(plan(&site, Clients::Mixed, true));
    let capacity = CapacityWatch::begin(&site, "app");
    bad.define(&site);
    let outcome = site.gapless(&["up"]).exits(3).says("r1 goes on serving");
    // Two that crash at the same moment leave the one that was kept warm until the others are up again.
    let crashes_in_service = bad.env.contains_key("CRASH_AFTER_MS");
    capacity.never_below(if crashes_in_service { 1 } else { INSTANCES });
    let report = nothing_lost(load);
    assert!(report.answers_of("v1") > 0);

    let app = site.app("app");
    assert_eq!(app.release.map(|r| r.0), Some(1));
    assert_eq!((app.ready, app.wanted), (INSTANCES, INSTANCES));
    assert_eq!(app.split.values().copied().collect::<Vec<_>>(), [100]);
    assert!(app.last_failure.is_some());
    let pids: Vec<_> = app.instances.iter().map(|i| i.pid).collect();
    if crashes_in_service {
        // It had been ready, so some of the old had gone: as many serve again.
        assert_eq!(pids.len(), INSTANCES as usize);
    } else {
        assert_eq!(pids, before, "the old instances were not touched");
    }
    (site, outcome)
}

fn v2() -> CaseApp {
    CaseApp { deadline: "4s".into(), ..CaseApp::new(INSTANCES).env("VERSION", "v2") }
}

#[test]
fn one_that_crashes_at_boot() {
    let (_site, outcome) = try_bad(&v2().env("CRASH_AT_BOOT", 1));
    let _ = outcome.says("exited with code 1").says("DATABASE_URL is not set");
}

#[test]
fn one_that_never_gets_ready() {
    let (_site, outcome) = try_bad(&v2().env("NEVER_READY", 1));
    let _ = outcome.says("not ready within 4s").says("503").says("the database schema is older");
}

#[test]
fn one_whose_probe_is_redirected() {
    let (_site, outcome) = try_bad(&v2().env("READY_REDIRECT", "/login"));
    let _ = outcome.says("302").says("a redirect to /login");
}

#[test]
fn one_that_listens_on_the_wrong_port() {
    let port = free_address().port();
    let (_site, outcome) = try_bad(&v2().env("WRONG_PORT", port));
    let _ = outcome.says("nobody listens there").says(&format!(":{port}"));
}

#[test]
fn one_that_is_ready_and_crashes_within_the_bake_time() {
    let bad = CaseApp { bake: "20s".into(), ..v2().env("CRASH_AFTER_MS", 1000) };
    let (_site, outcome) = try_bad(&bad);
    let _ = outcome.says("it became ready, then exited");
}

#[test]
fn one_that_is_alone_and_crashes_within_the_bake_time() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let old = site.instances("app")[0].pid;
    let load = begin(plan(&site, Clients::Mixed, true));
    let bad = CaseApp { bake: "20s".into(), ..CaseApp::new(1).env("VERSION", "v2") };
    bad.env("CRASH_AFTER_MS", 1000).define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("r1 goes on serving");
    nothing_lost(load);
    assert_eq!(site.instances("app")[0].pid, old, "the old instance was kept warm, and took over");
}
