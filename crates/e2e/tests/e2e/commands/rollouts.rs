//! `pause`, `resume`, `abort`, `promote` and `stop` in the middle of a rollout.

use super::stage::{ask, current, is_baking, is_replacing, releases, slow};
use gapless_api::status::{AppStatus, InstanceStatus};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CapacityWatch, CaseApp, Site, instance_processes};
use gapless_model::release::Mark;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who is there and stays, by name.
fn staying(app: &AppStatus) -> BTreeSet<String> {
    let stays = |i: &&InstanceStatus| !["draining", "stopping", "gone"].contains(&i.state.as_str());
    app.instances.iter().filter(stays).map(|i| i.id.to_string()).collect()
}

#[test]
fn paused_nothing_starts_or_retires_and_resumed_it_goes_on() {
    let site = Arc::new(Site::new());
    CaseApp::new(3).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    slow(3).define(&site);
    let up = site.begin(&["up"]);
    let of_v2 = |app: &AppStatus| app.instances.iter().filter(|i| i.release.0 == 2).count();
    site.wait_until("app", "the first of v2", |app| of_v2(app) == 1);
    let _ = site.gapless(&["pause", "app"]).succeeds().says("is paused");
    let _ = site.gapless(&["pause", "app", "--json"]).succeeds();
    let paused = site.wait_until("app", "what had begun to be done", |app| {
        app.instances.iter().all(|i| i.state == "ready") && app.instances.len() == 4
    });
    assert!(paused.waiting.iter().any(|w| w.text.contains("resume")), "{:?}", paused.waiting);
    let status = site.gapless(&["status", "app"]).succeeds();
    let _ = status.says("gapless resume");
    // Twice as long as the next instance would take.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let now = site.app("app");
        assert_eq!(staying(&now), staying(&paused), "{now:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = site.gapless(&["resume", "app"]).succeeds().says("goes on");
    let _ = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    capacity.never_below(3);
    nothing_lost(load);
    assert_eq!(current(&site), Some(2));
    for command in ["pause", "resume", "abort", "promote"] {
        let _ = site.gapless(&[command, "app"]).exits(1).says("no rollout in progress");
    }
}

#[test]
fn abort_takes_a_rollout_back() {
    let site = Arc::new(Site::new());
    CaseApp::new(3).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    slow(3).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "an instance of v2 that serves", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready" && i.traffic.served > 0)
    });
    let _ = site.gapless(&["promote", "app"]).exits(1).says("does not have all traffic yet");
    let _ = site.gapless(&["abort", "app"]).succeeds().says("is back on the old release");
    let _ = up.wait().exits(3).says("r2 was taken back as asked").says("r1 goes on serving").says(" 0 lost");
    capacity.never_below(3);
    let report = nothing_lost(load);
    assert!(report.answers_of("v2") > 0, "{report}");
    let app = site.app("app");
    assert_eq!((app.release.map(|r| r.0), app.ready, app.instances.len()), (Some(1), 3, 3));
    assert_eq!(app.split.into_iter().map(|(r, percent)| (r.0, percent)).collect::<Vec<_>>(), [(1, 100)]);
    assert_eq!(releases(&site)[0], (2, false, Mark::Untried), "nobody found anything wrong with it");
    // The same file again is the same intent again.
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r3");
}

#[test]
fn a_paused_rollout_can_be_aborted() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["pause", "app"]).succeeds();
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = up.wait().exits(3);
    assert_eq!((current(&site), site.app("app").ready), (Some(1), 2));
}

#[test]
fn promote_ends_the_bake() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    CaseApp { bake: "10m".into(), ..CaseApp::new(2).env("VERSION", "v2") }.define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the bake", is_baking);
    assert!(site.instances("app").iter().any(|i| i.release.0 == 1), "the last of the old stay warm");
    let _ = site.gapless(&["promote", "app"]).succeeds().says("is promoted");
    let up = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    nothing_lost(load);
    assert!(up.took < Duration::from_secs(60), "{:?}", up.took);
    assert_eq!((current(&site), site.instances("app").len()), (Some(2), 2));
}

#[test]
fn abort_within_the_bake_goes_back_at_once() {
    let site = Arc::new(Site::new());
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    CaseApp { bake: "10m".into(), ..CaseApp::new(2).env("VERSION", "v2") }.define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the bake", is_baking);
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = up.wait().exits(3).says("r1 goes on serving");
    capacity.never_below(2);
    nothing_lost(load);
    assert_eq!((current(&site), ask(site.address()).headers["x-version"].as_str()), (Some(1), "v1"));
}

#[test]
fn stop_in_the_middle_of_a_rollout() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let _ = up.wait().exits(3).says("r1 is what is started again").says("the app was stopped");
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    assert_eq!(releases(&site)[0], (2, false, Mark::Untried));
    let _ = site.gapless(&["start", "app"]).succeeds();
    assert_eq!(ask(site.address()).headers["x-version"], "v1", "what was not proven is not started again");
}
