//! What a command was told is so, though control is killed in the next moment.

use gapless_api::status::AppStatus;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Site, process};

/// Runs a command to its end, and kills control as soon as it has its answer.
fn answered_then_killed(site: &Site, words: &[&str]) {
    let control = site.status().gapless.control_pid;
    let _ = site.gapless(words).succeeds();
    process::kill(control);
}

fn app(version: &str) -> CaseApp {
    CaseApp { bake: "60s".into(), ..CaseApp::new(2).env("VERSION", version) }
}

fn phase(app: &AppStatus) -> &str {
    app.rollout.as_ref().map_or("", |rollout| rollout.phase.word())
}

#[test]
fn that_an_app_is_scaled_and_stopped_and_started() {
    let site = Site::new();
    app("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    answered_then_killed(&site, &["scale", "app", "3", "--detach"]);
    site.wait_until("app", "three", |app| (app.ready, app.wanted, app.instances.len()) == (3, 3, 3));
    answered_then_killed(&site, &["scale", "app", "1", "--detach"]);
    site.wait_until("app", "one", |app| (app.ready, app.wanted, app.instances.len()) == (1, 1, 1));
    nothing_lost(load);
    answered_then_killed(&site, &["stop", "app", "--detach"]);
    site.wait_until("app", "none", |app| (app.wanted, app.instances.len()) == (0, 0));
    answered_then_killed(&site, &["start", "app", "--detach"]);
    site.wait_until("app", "one again", |app| (app.ready, app.wanted) == (1, 1));
    answered_then_killed(&site, &["delete", "app", "--detach"]);
    let status = site.status();
    assert!(status.apps.iter().all(|app| app.wanted == 0), "{status:#?}");
}

#[test]
fn that_a_rollout_begins_pauses_and_is_taken_back() {
    let site = Site::new();
    app("v1").up(&site);
    let old = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").env("BOOT_MS", 1000).define(&site);
    answered_then_killed(&site, &["up", "--detach"]);
    let begun = site.wait_until("app", "the rollout", |app| phase(app) == "replacing");
    assert_eq!(begun.rollout.unwrap().to.0, 2);
    answered_then_killed(&site, &["pause", "app"]);
    assert!(site.app("app").rollout.unwrap().paused.is_some());
    answered_then_killed(&site, &["reload", "app", "--detach"]);
    let waiting = site.app("app").waiting;
    assert!(waiting.iter().any(|w| w.text.contains("the rollout in progress to end")), "{waiting:?}");
    answered_then_killed(&site, &["abort", "app", "--detach"]);
    // The one that waited begins, and it can be ended as well.
    site.wait_until("app", "the next one to bake", |app| {
        phase(app) == "baking" && app.rollout.as_ref().is_some_and(|r| r.to.0 == 3)
    });
    answered_then_killed(&site, &["promote", "app"]);
    let done = site.wait_until("app", "the end", |app| app.rollout.is_none() && app.instances.len() == 2);
    assert_eq!((done.ready, done.release.map(|r| r.0)), (2, Some(3)));
    assert!(done.instances.iter().all(|i| i.restarts == 0 && !old.contains_key(&i.id)), "{done:#?}");
    nothing_lost(load);
}
