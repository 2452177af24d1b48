//! No request is lost while a good version comes, be it slow or only another environment.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CapacityWatch, CaseApp, Site};
use std::sync::Arc;

fn roll_out(instances: u32, next: &CaseApp) {
    let site = Arc::new(Site::new());
    CaseApp::new(instances).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    next.define(&site);
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r2").says(" 0 lost");
    capacity.never_below(instances);
    let report = nothing_lost(load);
    assert!(report.answers_of("v1") > 0 && report.answers_of("v2") > 0, "{report}");
    let app = site.app("app");
    assert_eq!((app.release.map(|r| r.0), app.ready), (Some(2), instances));
}

#[test]
fn one_that_boots_in_6_seconds() {
    roll_out(1, &CaseApp::new(1).env("VERSION", "v2").env("BOOT_MS", 6000));
}

#[test]
fn two_that_boot_in_3_seconds() {
    roll_out(2, &CaseApp::new(2).env("VERSION", "v2").env("BOOT_MS", 3000));
}

#[test]
fn a_changed_environment() {
    roll_out(2, &CaseApp::new(2).env("VERSION", "v2"));
}

#[test]
fn nothing_changed_means_that_nothing_happens() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.instances("app");
    let _ = site.gapless(&["up"]).succeeds().says("nothing changed");
    let after = site.instances("app");
    let pids = |of: &[gapless_api::status::InstanceStatus]| of.iter().map(|i| i.pid).collect::<Vec<_>>();
    assert_eq!(pids(&before), pids(&after));
    assert_eq!(site.app("app").release.map(|r| r.0), Some(1));
}

#[test]
fn as_little_as_max_unavailable_allows() {
    let site = Arc::new(Site::new());
    let app = |version: &str| {
        let mut app = CaseApp::new(4).env("VERSION", version);
        app.tables = "max_surge = 0\nmax_unavailable = 1".into();
        app
    };
    app("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    app("v2").define(&site);
    let _ = site.gapless(&["up"]).succeeds().says(" 0 lost");
    capacity.never_below(3);
    nothing_lost(load);
}
