//! Control is whole without a keeper of ours: a service manager of the system may start it instead.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, gapless};
use gapless_sys::{activation, process};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
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
    let other = site.path().join("other");
    let _: u64 = fs::copy(gapless(), &other).unwrap();
    let before = (site.status().gapless, site.pids("app"));
    let _ = site.gapless(&["upgrade", "--to", "other"]).succeeds().says("control and proxy");
    let after = site.status().gapless;
    assert_eq!((after.keeper_pid, after.control_pid), (None, control.id()), "the same process goes on");
    assert_ne!(after.proxy_pid, before.0.proxy_pid);
    assert_eq!(site.pids("app"), before.1, "no instance was restarted");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    // The proxy before it was a child of control's, and leaves no zombie behind.
    let children = || process::all().unwrap().into_iter().filter(|p| p.parent == control.id());
    wait_to_see("no zombie", PATIENCE, || children().filter(|p| p.zombie).count(), |zombies| *zombies == 0);
    let _ = site.gapless(&["down"]).succeeds();
    assert!(control.wait().unwrap().success());
}

#[test]
fn it_takes_over_from_a_keeper_and_not_from_another_of_its_kind() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = (site.status().gapless, site.pids("app"));
    let load = begin(plan(&site, Clients::Mixed, false));
    let home = site.home();
    let mut control = site.command(&["internal", "control", "--home"]).arg(&home).spawn().unwrap();
    let runs =
        wait_to_see("it to answer", PATIENCE, || site.status().gapless, |g| g.control_pid == control.id());
    assert_eq!(runs.keeper_pid, None);
    wait_to_see("the proxy", PATIENCE, || site.status().gapless.proxy_pid, |pid| *pid == before.0.proxy_pid);
    assert_eq!(site.pids("app"), before.1, "no instance was restarted");

    let second = site.command(&["internal", "control", "--home"]).arg(&home).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&format!("another Gapless already runs {}", home.display())), "{said}");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    let _ = site.gapless(&["down"]).succeeds();
    assert!(control.wait().unwrap().success());
}

#[test]
fn sockets_that_a_parent_has_bound_are_used_and_stay_the_parents() {
    let site = Site::new();
    CaseApp::new(1).define(&site);
    let socket = TcpListener::bind(site.address()).unwrap();
    let arguments = ["internal".into(), "control".into(), "--home".into(), site.home().into_os_string()];
    let environment = std::env::vars_os().filter(|(name, _)| name != "GAPLESS_HOME");
    let given = [("gapless.socket", socket.as_fd())];
    let log = fs::File::create(site.path().join("control.out")).unwrap();
    let output = (log.try_clone().unwrap().into(), log.into());
    let mut control =
        activation::spawn(gapless().as_os_str(), &arguments, environment, &given, output).unwrap();
    wait_for("control to answer", PATIENCE, || site.home().join("control.sock").exists().then_some(()));
    let _ = site.gapless(&["up"]).succeeds();
    let load = begin(plan(&site, Clients::Mixed, false));
    // Also after it became another program.
    let other = site.path().join("other");
    let _: u64 = fs::copy(gapless(), &other).unwrap();
    let _ = site.gapless(&["upgrade", "--to", "other"]).succeeds();
    nothing_lost(load);
    let _ = site.gapless(&["delete", "app"]).succeeds();
    let _ = site.gapless(&["up"]).succeeds();
    nothing_lost(begin(plan(&site, Clients::Mixed, false)));
    let _ = site.gapless(&["down"]).succeeds();
    assert!(control.wait().unwrap().success());
    drop(TcpStream::connect(site.address()).expect("the parent's socket listens still"));
}
