//! Two rollouts of one app never run at once, and nobody who dies or leaves can hold up the next.

use gapless_api::status::AppStatus;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, Running, Site, process};
use gapless_model::event::What;
use std::collections::BTreeSet;

/// How long the app boots: long enough to ask for something else meanwhile.
const BOOT_MS: u32 = 1500;

fn app(version: &str) -> CaseApp {
    CaseApp { bake: "0s".into(), ..CaseApp::new(2).env("VERSION", version).env("BOOT_MS", BOOT_MS) }
}

fn site() -> Site {
    let site = Site::new();
    app("v1").up(&site);
    site
}

/// Begins a rollout by a command of its own, and waits until it has its turn.
fn begins(site: &Site, words: &[&str], rollout: u64) -> Running {
    let client = site.begin(words);
    site.wait_until("app", "the rollout to begin", |app| in_progress(app) == Some(rollout));
    client
}

/// Asks for a rollout by a command of its own, and waits until it waits.
fn queues(site: &Site, words: &[&str], release: u32) -> Running {
    let client = site.begin(words);
    let made = |app: &AppStatus| {
        let waits = app.waiting.iter().any(|w| w.text.contains("the rollout in progress to end"));
        waits
            && site
                .history("app")
                .iter()
                .any(|e| matches!(&e.what, What::ReleaseMade { release: r } if r.0 == release))
    };
    site.wait_until("app", "the rollout to wait", made);
    client
}

fn in_progress(app: &AppStatus) -> Option<u64> {
    app.rollout.as_ref().map(|r| r.id.0)
}

fn serves(site: &Site) -> (u32, String) {
    let release = site.app("app").release.unwrap().0;
    let answer = Customer::of(site.address()).get("/").unwrap();
    (release, answer.headers["x-version"].clone())
}

/// Waits until no rollout is in progress, and none waits.
fn rest(site: &Site, release: u32) {
    site.wait_until("app", "the rollout to end by itself", |app| {
        in_progress(app).is_none() && app.waiting.is_empty() && app.release.map(|r| r.0) == Some(release)
    });
}

/// Rollouts in the order in which they began and ended; no two of them overlap.
#[track_caller]
fn one_after_the_other(site: &Site) -> Vec<u64> {
    let mut order = Vec::new();
    let mut running = BTreeSet::new();
    for event in site.history("app") {
        match event.what {
            What::RolloutBegan { rollout, .. } => {
                assert!(running.is_empty(), "{rollout} began during {running:?}");
                running.insert(rollout);
                order.push(rollout.0);
            }
            What::RolloutEnded { rollout, .. } => assert!(running.remove(&rollout), "{rollout} ended twice"),
            _ => {}
        }
    }
    assert!(running.is_empty(), "{running:?} have not ended");
    order
}

#[test]
fn the_second_waits_and_says_so() {
    let site = site();
    let load = begin(plan(&site, Clients::Mixed, false));
    let first = begins(&site, &["reload", "app"], 2);
    app("v2").define(&site);
    let second = queues(&site, &["up"], 3);
    let _ = site.gapless(&["status", "app"]).succeeds().says("the rollout in progress to end");
    let instances = site.instances("app");
    assert!(instances.iter().all(|i| i.release.0 < 3), "{instances:?}");
    let _ = first.wait().succeeds().says("r1 → r2").says(" 0 lost");
    let second = second.wait().succeeds().says("after #2, which is in progress").says("r2 → r3");
    assert!(second.err.contains("waits"), "{}", second.err);
    nothing_lost(load);
    assert_eq!(serves(&site), (3, "v2".into()));
    assert_eq!(one_after_the_other(&site), [1, 2, 3]);
}

#[test]
fn the_third_takes_the_place_of_the_one_that_waits() {
    let site = site();
    let first = begins(&site, &["reload", "app"], 2);
    app("v2").define(&site);
    let second = queues(&site, &["up"], 3);
    let third = queues(&site, &["reload", "app"], 4);
    let second = second.wait().exits(1).says("never began");
    let _ = second.says("a later `gapless reload` of app took its place");
    let _ = first.wait().succeeds();
    let third = third.wait().succeeds().says("it takes the place of #3, which was waiting");
    let _ = third.says("r2 → r4");
    // What the second wanted is not forgotten: the third was asked for when that was the newest.
    assert_eq!(serves(&site), (4, "v2".into()));
    assert_eq!(one_after_the_other(&site), [1, 2, 4]);
    let _ =
        site.gapless(&["history", "app"]).succeeds().says("a waiting up never began: reload took its place");
}

#[test]
fn one_that_waits_begins_after_one_that_failed() {
    let site = site();
    let bad = CaseApp { deadline: "3s".into(), ..app("bad").env("NEVER_READY", 1) };
    bad.define(&site);
    let first = begins(&site, &["up"], 2);
    app("v2").define(&site);
    let second = queues(&site, &["up"], 3);
    let _ = first.wait().exits(3);
    let _ = second.wait().succeeds().says("r1 → r3");
    assert_eq!(serves(&site), (3, "v2".into()));
}

#[test]
fn abort_is_for_the_one_in_progress_and_the_next_has_its_turn() {
    let site = site();
    let load = begin(plan(&site, Clients::Mixed, false));
    let first = begins(&site, &["reload", "app"], 2);
    app("v2").define(&site);
    let second = queues(&site, &["up"], 3);
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = first.wait().exits(3);
    let _ = second.wait().succeeds().says("r1 → r3");
    nothing_lost(load);
    assert_eq!(one_after_the_other(&site), [1, 2, 3]);
}

#[test]
fn a_stop_takes_the_turn_of_the_one_that_waits() {
    let site = site();
    let first = begins(&site, &["reload", "app"], 2);
    let second = queues(&site, &["reload", "app"], 3);
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let _ = second.wait().exits(1).says("app was stopped before it began");
    let _ = first.wait().exits(3);
    assert_eq!(site.app("app").instances, []);
}

#[test]
fn of_many_at_once_none_overlap_and_each_hears_how_it_ended() {
    let site = site();
    let load = begin(plan(&site, Clients::Mixed, false));
    let clients: Vec<_> = (0..5).map(|_| site.begin(&["reload", "app"])).collect();
    let codes: Vec<_> = clients.into_iter().map(|client| client.wait().code).collect();
    nothing_lost(load);
    let done = codes.iter().filter(|code| **code == 0).count();
    let dropped = codes.iter().filter(|code| **code == 1).count();
    assert!(done >= 2 && done + dropped == 5, "{codes:?}");
    assert_eq!(
        one_after_the_other(&site).len(),
        1 + done,
        "each of them that was not dropped, and the first up"
    );
}

#[test]
fn a_client_that_is_killed_leaves_no_lock() {
    let site = site();
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").define(&site);
    begins(&site, &["up"], 2).kill();
    // While it goes on without its client, the next one waits as ever.
    let _ = site.gapless(&["reload", "app"]).succeeds().says("r2 → r3");
    assert_eq!(serves(&site), (3, "v2".into()));
    begins(&site, &["reload", "app"], 4).kill();
    rest(&site, 4);
    let _ = site.gapless(&["reload", "app"]).succeeds().says("r4 → r5");
    nothing_lost(load);
    assert_eq!(one_after_the_other(&site), [1, 2, 3, 4, 5]);
}

#[test]
fn a_client_that_is_killed_while_it_waits_gives_up_nothing() {
    let site = site();
    let first = begins(&site, &["reload", "app"], 2);
    app("v2").define(&site);
    queues(&site, &["up"], 3).kill();
    let _ = first.wait().succeeds();
    rest(&site, 3);
    assert_eq!(serves(&site), (3, "v2".into()));
}

#[test]
fn ctrl_c_stops_the_watching_only() {
    let site = site();
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").define(&site);
    let client = begins(&site, &["up"], 2);
    process::signal(client.pid(), 2);
    let client = client.wait().exits(130).says("app goes on by itself").says("gapless abort app");
    assert!(client.took.as_secs() < 30, "{:?}", client.took);
    rest(&site, 2);
    nothing_lost(load);
    assert_eq!(serves(&site), (2, "v2".into()));
}
