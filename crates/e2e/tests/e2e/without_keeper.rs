//! Control is whole without a keeper of ours: a service manager of the system may start it instead.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Site, gapless};
use gapless_testkit::wait::wait_for;
use std::fs;
use std::time::Duration;

#[test]
fn everything_is_made_and_served_and_ended() {
    let site = Site::new();
    CaseApp::new(2).define(&site);
    let home = site.home();
    let mut control = site.command(&["internal", "control", "--home"]).arg(&home).spawn().unwrap();
    wait_for("control to answer", Duration::from_secs(10), || {
        home.join("control.sock").exists().then_some(())
    });
    let _ = site.gapless(&["up"]).succeeds();
    let runs = site.status().gapless;
    assert_eq!((runs.keeper_pid, runs.control_pid), (None, control.id()));
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    let other = site.path().join("other");
    let _: u64 = fs::copy(gapless(), &other).unwrap();
    let _ =
        site.gapless(&["upgrade", "--to", "other"]).exits(1).says("it is not our own keeper that starts us");
    let _ = site.gapless(&["down"]).succeeds();
    assert!(control.wait().unwrap().success());
}
