//! What an app has begun is finished when it is deleted, though control is killed meanwhile; then it is forgotten
//! whole, but for its logs and its numbers.

use gapless_e2e::traffic::{Clients, begin, plan};
use gapless_e2e::{Answer, CaseApp, Customer, PATIENCE, Site, instance_processes, process};
use gapless_load::FailureKind;
use gapless_testkit::wait::wait_for;
use std::thread::JoinHandle;

/// How many requests are being answered when the app is deleted.
const SLOW: u64 = 6;

/// Requests that are answered after three seconds, all of them in the hands of an instance.
fn slow_requests(site: &Site) -> Vec<JoinHandle<std::io::Result<Answer>>> {
    let customer = Customer::of(site.address());
    let asks = |_| {
        let customer = customer.clone();
        std::thread::spawn(move || customer.get("/slow?ms=3000"))
    };
    let asked = (0..SLOW).map(asks).collect();
    let in_flight = |app: &gapless_api::status::AppStatus| -> u64 {
        app.instances.iter().map(|i| u64::from(i.in_flight)).sum()
    };
    site.wait_until("app", "all to be in flight", |app| in_flight(app) == SLOW);
    asked
}

fn all_answered(asked: Vec<JoinHandle<std::io::Result<Answer>>>) {
    for one in asked {
        let answer = one.join().unwrap().unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn is_known(site: &Site) -> bool {
    site.status().apps.iter().any(|app| app.name.as_str() == "app")
}

#[test]
fn what_has_begun_is_answered_though_control_is_killed() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let asked = slow_requests(&site);
    let pids: Vec<u32> = site.instances("app").iter().filter_map(|i| i.pid).collect();
    let control = site.status().gapless.control_pid;
    let _ = site.gapless(&["delete", "app", "--detach"]).succeeds();
    process::kill(control);
    // The one that comes after drains them, and does not take them for strays.
    let app = site.app("app");
    assert_eq!((app.wanted, app.instances.len()), (0, 2), "{app:#?}");
    assert!(pids.iter().all(|pid| process::runs(*pid)));
    all_answered(asked);
    wait_for("it to be forgotten", PATIENCE, || (!is_known(&site)).then_some(()));
    wait_for("nothing to be left", PATIENCE, || instance_processes(&site).is_empty().then_some(()));
    wait_for("its directory to go", PATIENCE, || (!site.home().join("apps/app").exists()).then_some(()));
    assert!(site.home().join("logs/app").exists(), "its logs stay");
    site.kill_control();
    assert!(!is_known(&site), "it came back");

    // Whoever reads the logs tells instances apart by their numbers.
    CaseApp::new(1).up(&site);
    let again = site.app("app");
    assert_eq!(again.instances[0].id.number(), 3, "{again:#?}");
    assert_eq!(again.release.map(|r| r.0), Some(2));
}

#[test]
fn nothing_is_cut_under_load() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let control = site.status().gapless.control_pid;
    let _ = site.gapless(&["delete", "app", "--detach"]).succeeds();
    process::kill(control);
    wait_for("it to be forgotten", PATIENCE, || (!is_known(&site)).then_some(()));
    let report = load.stop();
    // Whoever comes when it is deleted is told so or finds nobody; no answer that has begun is cut off.
    for kind in [FailureKind::Truncated, FailureKind::Hung, FailureKind::WrongBody] {
        assert_eq!(report.lost_as(kind), 0, "{report}");
    }
}

#[test]
fn one_that_comes_back_meanwhile_serves_when_the_last_is_answered() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let old = site.pids("app");
    let asked = slow_requests(&site);
    let _ = site.gapless(&["delete", "app", "--detach"]).succeeds();
    let up = site.begin(&["up"]);
    all_answered(asked);
    let _ = up.wait().succeeds();
    let app = site.wait_until("app", "two new ones", |app| (app.ready, app.instances.len()) == (2, 2));
    assert!(app.instances.iter().all(|i| !old.contains_key(&i.id)), "{app:#?}");
    assert_eq!(Customer::of(site.address()).get("/").unwrap().status, 200);
}
