//! No request is lost when Gapless itself is killed, the keeper too: what runs serves on, and the next command
//! brings everything back around it.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_testkit::wait::wait_for;
use std::process::Stdio;

/// Kills the keeper, then control, so that nobody brings it back.
fn kill_keeper_and_control(site: &Site) {
    let gapless = site.status().gapless;
    process::kill(gapless.keeper_pid.unwrap());
    process::kill(gapless.control_pid);
}

#[test]
fn keeper_and_control() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.status();
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    kill_keeper_and_control(&site);

    // Nobody decides any more, and all is served.
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    let after = site.status();
    assert_ne!(after.gapless.keeper_pid, before.gapless.keeper_pid);
    assert_ne!(after.gapless.control_pid, before.gapless.control_pid);
    assert_eq!(after.gapless.proxy_pid, before.gapless.proxy_pid, "the same proxy");
    assert_eq!(after.gapless.troubles, Vec::<String>::new());
    assert_eq!(site.pids("app"), pids, "no instance was restarted");

    // And what was brought back can do everything.
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    assert!(site.instances("app").iter().all(|i| i.restarts == 0 && i.state == "ready"));
}

#[test]
fn in_the_middle_of_a_rollout() {
    let site = Site::new();
    let app = |version: &str| CaseApp { bake: "1s".into(), ..CaseApp::new(2).env("VERSION", version) };
    app("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").env("BOOT_MS", 700).define(&site);
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    site.wait_until("app", "a new one to be ready", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready")
    });
    let stood = site.pids("app");
    kill_keeper_and_control(&site);
    let done = site.wait_until("app", "the rollout to end", |app| {
        app.rollout.is_none() && app.instances.len() == 2 && app.ready == 2
    });
    nothing_lost(load);
    assert_eq!(done.release.map(|r| r.0), Some(2));
    for instance in &done.instances {
        assert_eq!(instance.restarts, 0);
        assert!(stood.get(&instance.id).is_none_or(|pid| *pid == instance.pid), "{instance:?} {stood:?}");
    }
}

#[test]
fn the_keeper_alone() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    let gapless = site.status().gapless;
    process::kill(gapless.keeper_pid.unwrap());
    assert_eq!(site.status().gapless.control_pid, gapless.control_pid, "control goes on");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    // Control goes too; now somebody has to bring both back.
    process::kill(gapless.control_pid);
    assert_eq!(site.app("app").ready, 2);
    nothing_lost(load);
    assert!(site.status().gapless.keeper_pid.is_some());
    assert!(site.pids("app").iter().all(|(id, _)| !pids.contains_key(id)), "reloaded once, and not again");
}

#[test]
fn a_second_keeper_is_refused_by_name() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let before = (site.status().gapless.keeper_pid, site.status().gapless.control_pid, site.pids("app"));
    let home = site.home().display().to_string();
    let second =
        site.command(&["internal", "keeper", "--home", &home]).stdout(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    let keeper = before.0.unwrap();
    assert!(said.contains(&format!("another Gapless already keeps {home} (keeper pid {keeper})")), "{said}");
    let after = (site.status().gapless.keeper_pid, site.status().gapless.control_pid, site.pids("app"));
    assert_eq!(before, after);
}
