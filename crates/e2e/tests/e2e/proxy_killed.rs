//! When the proxy is killed, only what it was in the middle of is lost: another one serves within moments, at
//! the same listening sockets, and no instance is restarted.

use gapless_e2e::traffic::{Clients, begin, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, gapless, process};
use gapless_load::FailureKind;
use gapless_testkit::wait::wait_for;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a new request may wait for the next proxy.
const SOON: Duration = Duration::from_secs(3);

#[test]
fn another_one_takes_over_the_listeners() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let (pids, before) = (site.pids("app"), site.status().gapless);
    let load = begin(plan(&site, Clients::Mixed, false));
    process::kill(before.proxy_pid.unwrap());

    // The listening socket is there all the time: a new request waits in it until somebody accepts it.
    let began = Instant::now();
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());

    let lost = load.handle().report().lost();
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    let after = site.status().gapless;
    assert!(after.proxy_pid.is_some());
    assert_ne!(after.proxy_pid, before.proxy_pid);
    assert_eq!(after.control_pid, before.control_pid);
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");

    let report = load.stop();
    assert_eq!(report.lost_as(FailureKind::Refused), 0, "{report}");
    // What was in flight when it was killed: at most one request per client, and none later.
    assert!(report.lost() <= 34, "{report}");
    assert_eq!(report.lost(), lost, "something was lost after the new one had come: {report}");
}

/// What `[proxy]` says of workers holds for the proxy that is there when the first file comes, and for the next
/// one; a proxy that serves is left alone.
#[test]
fn it_has_as_many_workers_as_the_file_says() {
    let workers = |pid: u32| {
        let names = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let names = names.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("worker-")).count()
    };
    let with =
        |workers: u32| CaseApp { tables: format!("[proxy]\nworkers = {workers}\n"), ..CaseApp::new(1) };
    let site = Site::new();
    with(3).up(&site);
    let gapless = site.status().gapless;
    let first = gapless.proxy_pid.unwrap();
    assert_eq!(workers(first), 3);
    // The one before it had served nobody: it is gone, and nothing follows it but this one.
    assert_eq!(gapless.retiring_proxies, [0; 0]);
    let log = fs::read_to_string(site.home().join("logs/proxy.log")).unwrap();
    assert!(log.matches("the proxy runs").count() <= 2, "{log}");

    with(5).up(&site);
    assert_eq!((site.status().gapless.proxy_pid, workers(first)), (Some(first), 3));
    process::kill(first);
    wait_for("the next proxy has five", PATIENCE, || {
        let next = site.status().gapless.proxy_pid.filter(|pid| *pid != first)?;
        (workers(next) == 5).then_some(())
    });
}

#[test]
fn control_and_proxy_together() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let (pids, before) = (site.pids("app"), site.status().gapless);
    let load = begin(plan(&site, Clients::Mixed, false));
    process::kill(before.control_pid);
    process::kill(before.proxy_pid.unwrap());
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let report = load.stop();
    assert_eq!(report.lost_as(FailureKind::Refused), 0, "the keeper held the listener: {report}");
    assert!(report.lost() <= 34, "{report}");
}

#[test]
fn another_one_is_started_though_our_own_file_was_replaced() {
    let site = Site::new();
    CaseApp::new(2).define(&site);
    let program = site.path().join("gapless");
    fs::copy(gapless(), &program).unwrap();
    let mut up = Command::new(&program);
    up.arg("up").current_dir(site.path()).env("GAPLESS_HOME", site.home()).stdin(Stdio::null());
    assert!(up.output().unwrap().status.success());
    let (pids, before) = (site.pids("app"), site.status().gapless);
    let load = begin(plan(&site, Clients::Mixed, false));
    // Whoever installs a newer one does it like this; that one is not even a program.
    fs::rename(site.write("newer", "nothing that could be run"), &program).unwrap();
    process::kill(before.proxy_pid.unwrap());
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    let after = site.status().gapless;
    assert_ne!(after.proxy_pid, before.proxy_pid);
    assert_eq!(after.control_pid, before.control_pid);
    let runs = fs::read_link(format!("/proc/{}/exe", after.proxy_pid.unwrap())).unwrap();
    assert!(runs.to_string_lossy().ends_with(" (deleted)"), "{runs:?}");
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let report = load.stop();
    assert_eq!(report.lost_as(FailureKind::Refused), 0, "{report}");
    assert!(report.lost() <= 34, "{report}");
}

#[test]
fn in_the_middle_of_a_rollout() {
    let site = Site::new();
    let app = |version: &str| CaseApp { bake: "1s".into(), ..CaseApp::new(2).env("VERSION", version) };
    app("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").env("BOOT_MS", 500).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "a new one to be ready", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready")
    });
    process::kill(site.status().gapless.proxy_pid.unwrap());
    // What it was in the middle of is on nobody's account; the rollout goes on as if nothing had been.
    let _ = up.wait().succeeds().says("r1 → r2");
    let app = site.app("app");
    assert_eq!((app.ready, app.instances.len(), app.release.map(|r| r.0)), (2, 2, Some(2)));
    assert!(app.instances.iter().all(|i| i.restarts == 0));
    let report = load.stop();
    assert!(report.answers_of("v2") > 0, "{report}");
    assert_eq!(report.lost_as(FailureKind::Refused), 0, "{report}");
    assert!(report.lost() <= 34, "{report}");
}
