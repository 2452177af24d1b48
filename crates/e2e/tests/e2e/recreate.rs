//! No request is lost while an app that cannot run twice is replaced: requests are held while the old instance
//! stops and the new one starts.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{Answer, CaseApp, Customer, Site, free_address};
use gapless_load::Plan;
use gapless_testkit::wait::wait_for;
use std::thread::JoinHandle;
use std::time::Duration;

/// One instance that exits at its boot if another one runs.
fn alone() -> CaseApp {
    let app = CaseApp { rollout: "strategy = \"recreate\"".into(), ..CaseApp::new(1) };
    app.env("ALONE", free_address().port())
}

/// The load of [`plan`], by clients that wait longer: requests are held for as long as an app takes to start.
fn patient(site: &Site, clients: Clients) -> Plan {
    Plan { timeout: Duration::from_secs(40), ..plan(site, clients, false) }
}

#[test]
fn three_reloads() {
    let site = Site::new();
    alone().up(&site);
    let load = begin(patient(&site, Clients::Mixed));
    for _ in 0..3 {
        let reload = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
        assert!(!reload.text().contains("aborted"), "{}", reload.text());
    }
    nothing_lost(load);
    let instances = site.instances("app");
    assert_eq!(instances.len(), 1);
    assert!(instances.iter().all(|i| i.state == "ready" && i.restarts == 0 && i.release.0 == 4));
    assert!(site.app("app").traffic.held > 0, "they were held");
}

#[test]
fn a_bad_release_is_taken_back() {
    let site = Site::new();
    let good = alone();
    good.up(&site);
    let old = site.instances("app")[0].pid;
    let load = begin(patient(&site, Clients::Mixed));
    good.clone().env("VERSION", "v2").env("CRASH_AT_BOOT", 1).define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("exited with code 1").says(" 0 lost");
    let report = nothing_lost(load);
    assert!(report.answers_of("v1") > 0);
    let app = site.app("app");
    assert_eq!(app.release.map(|r| r.0), Some(1));
    assert_eq!((app.ready, app.instances.len()), (1, 1));
    assert_ne!(app.instances[0].pid, old, "it was started again");
}

/// An app that is usually replaced instance by instance, once by this strategy.
#[test]
fn by_the_command() {
    let site = Site::new();
    let app = CaseApp::new(1).env("ALONE", free_address().port());
    app.up(&site);
    let load = begin(patient(&site, Clients::KeepAlive));
    let _ = site.gapless(&["reload", "app", "--strategy", "recreate"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    let _ = site.gapless(&["reload", "app", "--strategy", "sudden"]).exits(2).says("recreate");
}

#[test]
fn control_is_killed_in_the_middle() {
    let site = Site::new();
    let app = alone().env("BOOT_MS", 1000);
    app.up(&site);
    let load = begin(patient(&site, Clients::Mixed));
    let reload = site.begin(&["reload", "app"]);
    site.wait_until("app", "nobody serves", |app| app.split.is_empty());
    site.kill_control();
    drop(reload.wait());
    site.wait_until("app", "it is replaced", |app| app.rollout.is_none() && app.ready == 1);
    nothing_lost(load);
    assert_eq!(site.app("app").release.map(|r| r.0), Some(2));
}

/// What does not fit into the bounds is told so at once, and counted.
#[test]
fn the_bounds_of_holding() {
    let site = Site::new();
    let tables = "[apps.app.hold]\nmax_requests = 2\nmax_bytes = \"8KiB\"\n".to_owned();
    let app = CaseApp { tables, ..alone().env("BOOT_MS", 3000) };
    app.up(&site);
    let reload = site.begin(&["reload", "app"]);
    site.wait_until("app", "nobody serves", |app| app.split.is_empty());
    let much = Customer::of(site.address()).header("x-much", &"m".repeat(9_000));
    refused(&much.get("/").unwrap());
    let waiting: Vec<JoinHandle<Answer>> = (0..2)
        .map(|_| {
            let customer = Customer::of(site.address());
            std::thread::spawn(move || customer.get("/").unwrap())
        })
        .collect();
    wait_for("both wait", gapless_e2e::PATIENCE, || (site.app("app").traffic.held == 2).then_some(()));
    refused(&Customer::of(site.address()).get("/").unwrap());
    for answer in waiting {
        assert_eq!(answer.join().unwrap().status, 200);
    }
    let _ = reload.wait().succeeds().says("2 LOST");
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    assert!(answer.body.contains("too many"), "{answer:?}");
}
