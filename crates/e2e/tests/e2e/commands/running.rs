//! `scale`, `stop`, `start`, `restart`, `delete` and `down`.

use super::stage::{ask, current, customers, releases};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CapacityWatch, CaseApp, Customer, PATIENCE, Site, apps_directory, instance_processes};
use gapless_model::release::Mark;
use gapless_testkit::wait::wait_for;
use std::sync::Arc;

#[test]
fn scale_up_and_down_under_load() {
    let site = Arc::new(Site::new());
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    let _ = site.gapless(&["scale", "app", "4"]).succeeds().says("has 4 instances now");
    let more = site.pids("app");
    assert_eq!(more.len(), 4);
    assert!(before.iter().all(|(id, pid)| more.get(id) == Some(pid)));
    let _ = site.gapless(&["scale", "app", "1"]).succeeds().says("has 1 instance now");
    let one = site.pids("app");
    assert_eq!(one.len(), 1);
    assert!(one.iter().all(|(id, pid)| more.get(id) == Some(pid)));
    capacity.never_below(1);
    nothing_lost(load);
    assert_eq!(current(&site), Some(1), "that is no new release");
    assert_eq!(instance_processes(&site).len(), 1);
    let _ = site.gapless(&["scale", "app", "0"]).exits(2);
}

#[test]
fn restart_holds_requests_and_loses_none() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let load = customers(&site);
    let _ = site.gapless(&["restart", "app"]).succeeds().says("is restarted");
    let after = site.pids("app");
    nothing_lost(load);
    assert_eq!((current(&site), after.len()), (Some(1), 2));
    assert!(after.values().all(|pid| !before.values().any(|old| old == pid)));
}

#[test]
fn stop_and_start_and_delete() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let _ = site.gapless(&["stop", "app"]).succeeds().says("is stopped");
    let app = site.app("app");
    assert_eq!((app.ready, app.wanted, app.instances.len()), (0, 0, 0));
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    let _ = site.gapless(&["stop", "app"]).succeeds();

    let asked = Customer::of(site.address());
    let held = std::thread::spawn(move || asked.get("/"));
    let _ = site.gapless(&["start", "app"]).succeeds().says("is started");
    let answer = held.join().unwrap().unwrap();
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let answer = Customer::of(site.address()).get("/").unwrap();
    assert!(answer.status == 503 && answer.body.contains("The app is stopped."), "{answer:?}");
    let _ = site.gapless(&["start", "app"]).succeeds();
    assert_eq!((site.app("app").ready, current(&site)), (2, Some(1)));

    let _ = site.gapless(&["stop", "app"]).succeeds();
    let _ = site.gapless(&["up"]).succeeds().says("is started");
    assert_eq!(ask(site.address()).headers["x-version"], "v1");

    let _ = site.gapless(&["delete", "app"]).succeeds().says("is deleted");
    assert_eq!(site.status().apps, []);
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    wait_for("the address to be given up", PATIENCE, || Customer::of(site.address()).get("/").err());
    wait_for("its releases to be gone", PATIENCE, || (!site.home().join("apps/app").exists()).then_some(()));
    for command in ["stop", "reload", "restart", "delete", "rollback", "releases", "status", "promote"] {
        let _ = site.gapless(&[command, "app"]).exits(2).says("there is no app app");
    }
    // It may come back, as new.
    let _ = site.gapless(&["up"]).succeeds();
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
}

#[test]
fn start_without_a_file() {
    let site = Site::new();
    let script = apps_directory().join("cases.mjs").display().to_string();
    let address = site.address().to_string();
    let words = ["start", &script, "--name", "app", "--port", "3000", "--listen", &address, "-i", "2"];
    let _ = site.gapless(&words).succeeds().says("r1 is up");
    assert_eq!(site.app("app").ready, 2);
    assert_eq!(ask(site.address()).json()["address"]["port"], 3000);
    let before = site.pids("app");
    let _ = site.gapless(&words).succeeds().says("nothing changed");
    assert_eq!(site.pids("app"), before);

    // A command with options of its own, told its port by the environment, without any listener.
    let worker = site.write("worker.py", "import time\nprint('at work', flush=True)\ntime.sleep(600)\n");
    let worker = worker.display().to_string();
    let _ = site.gapless(&["start", "--name", "worker", "--", "python3", "-u", &worker]).succeeds();
    let at_work = || Some(()).filter(|()| site.gapless(&["logs", "worker"]).text().contains("at work"));
    wait_for("its output", PATIENCE, at_work);
    assert_eq!(site.app("worker").ready, 1);
    let _ = site.gapless(&["start", "no-such-program-here", "--name", "x"]).exits(1);
}

#[test]
fn down_and_up_again() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let pids = {
        let of = site.status().gapless;
        [of.keeper_pid, Some(of.control_pid), of.proxy_pid].map(Option::unwrap)
    };
    let _ = site.gapless(&["down"]).succeeds();
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    assert!(!pids.into_iter().any(gapless_e2e::process::runs), "{pids:?}");
    assert!(Customer::of(site.address()).get("/").is_err());
    let _ = site.gapless(&["status"]).exits(4);
    let _ = site.gapless(&["down"]).succeeds().says("nothing runs here");

    let _ = site.gapless(&["up"]).succeeds().says("is started");
    assert_eq!((site.app("app").ready, current(&site)), (2, Some(2)), "the definitions stayed");
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
    assert!(releases(&site).contains(&(1, false, Mark::Good)));
}
