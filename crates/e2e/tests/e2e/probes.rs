//! Probes of every kind say how an instance is, at its own address: startup before readiness, readiness for the
//! split, liveness for the restart.

use gapless_api::status::{AppStatus, InstanceStatus};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, direct, process};
use gapless_testkit::wait::wait_for;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Answers each path as the file of its name says, 200 if there is none, and notes down what it was asked.
const PROBED: &str = r"
import { createServer } from 'node:http';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
createServer((req, res) => {
  const name = req.url.slice(1);
  res.statusCode = existsSync(name) ? Number(readFileSync(name)) : 200;
  appendFileSync('asked', `${name} ${res.statusCode}\n`);
  res.end();
}).listen(3000);
";

/// One instance of [`PROBED`], with these probes, brought up as far as it comes at once.
fn probed(tables: &str, files: &[(&str, &str)]) -> Site {
    let site = Site::new();
    site.write("probed.mjs", PROBED);
    for (name, text) in files {
        site.write(name, text);
    }
    let address = site.address();
    site.write(
        "gapless.toml",
        format!(
            "[apps.app]\ncommand = \"node probed.mjs\"\nport = 3000\n[[apps.app.routes]]\nlisten = \"{address}\"\n{tables}\n"
        ),
    );
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    site
}

/// What the app was asked so far, the oldest first.
fn asked(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.path().join("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn wait_for_asked(site: &Site, line: &str, times: usize) {
    wait_for(line, PATIENCE, || (asked(site).iter().filter(|l| *l == line).count() >= times).then_some(()));
}

fn only(app: &AppStatus) -> &InstanceStatus {
    let [instance] = &app.instances[..] else { panic!("{app:#?}") };
    instance
}

fn becomes(site: &Site, state: &str) -> AppStatus {
    site.wait_until("app", state, |app| app.instances.len() == 1 && app.instances[0].state == state)
}

#[test]
fn http_counts_its_answers_in_a_row() {
    let tables = "[apps.app.ready]\npath = \"/ready\"\ninterval = \"50ms\"\nsuccesses = 4\nfailures = 6";
    let site = probed(tables, &[("ready", "503")]);
    wait_for_asked(&site, "ready 503", 3);
    let starting = becomes(&site, "starting");
    assert!(
        starting.split.is_empty() && starting.waiting[0].text.contains("to become ready"),
        "{starting:#?}"
    );
    site.write("ready", "204");
    becomes(&site, "ready");
    assert!(asked(&site).ends_with(&["ready 204"; 4].map(str::to_owned)));

    let before = asked(&site).len();
    site.write("ready", "302");
    let unready = becomes(&site, "unready");
    assert!(only(&unready).detail.as_ref().unwrap().contains("302"), "{unready:#?}");
    assert!(unready.waiting.iter().any(|w| w.text.contains("readiness probe")), "{unready:#?}");
    let failures = asked(&site)[before..].iter().filter(|l| *l == "ready 302").count();
    assert!(failures >= 6, "out of service after {failures} failures");
    site.write("ready", "200");
    becomes(&site, "ready");
}

#[test]
fn startup_is_asked_alone_until_it_passes() {
    let tables = "[apps.app.startup]\npath = \"/startup\"\ninterval = \"50ms\"\nfailures = 1\n\
                  [apps.app.ready]\npath = \"/ready\"\ninterval = \"50ms\"\n\
                  [apps.app.live]\npath = \"/live\"\ninterval = \"50ms\"\nfailures = 1";
    let site = probed(tables, &[("startup", "500"), ("live", "500"), ("ready", "500")]);
    // However often it fails, it is only early.
    wait_for_asked(&site, "startup 500", 5);
    assert!(asked(&site).iter().all(|line| line == "startup 500"), "{:?}", asked(&site));
    assert_eq!(only(&site.app("app")).restarts, 0);
    site.write("live", "200");
    site.write("startup", "200");
    // Nor is it restarted by its liveness before it has been ready.
    wait_for_asked(&site, "ready 500", 3);
    assert!(!asked(&site).iter().any(|line| line.starts_with("live")));
    let startups = asked(&site).iter().filter(|l| *l == "startup 200").count();
    site.write("ready", "200");
    assert_eq!(only(&becomes(&site, "ready")).restarts, 0);
    wait_for_asked(&site, "live 200", 2);
    assert_eq!((startups, asked(&site).iter().filter(|l| *l == "startup 200").count()), (1, 1));
}

#[test]
fn tcp_wants_a_connection() {
    let site = Site::new();
    site.write(
        "late.mjs",
        r"
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const wait = setInterval(() => {
  if (!existsSync('open')) return;
  clearInterval(wait);
  createServer((req, res) => res.writeHead(500).end()).listen(3000);
}, 20);
",
    );
    let address = site.address();
    site.write(
        "gapless.toml",
        format!(
            "[apps.app]\ncommand = \"node late.mjs\"\nport = 3000\n[[apps.app.routes]]\nlisten = \"{address}\"\n\
             [apps.app.ready]\ntcp = true\ninterval = \"50ms\"\n"
        ),
    );
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    becomes(&site, "starting");
    site.write("open", "");
    becomes(&site, "ready");
}

#[test]
fn a_command_knows_whom_it_is_about() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.worker]
command = "sleep 600"
instances = 2
[apps.worker.ready]
command = ["sh", "-c", "echo $GAPLESS_INSTANCE >> asked; test -e good-$GAPLESS_INSTANCE || { echo 'not yet'; exit 3; }"]
interval = "50ms"
failures = 2
"#,
    );
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    wait_for_asked(&site, "worker-1", 2);
    wait_for_asked(&site, "worker-2", 2);
    assert_eq!(site.app("worker").ready, 0);
    site.write("good-worker-2", "");
    let app = site.wait_until("worker", "the second to be ready", |app| app.ready == 1);
    let state = |app: &AppStatus, n: usize| app.instances[n].state.clone();
    assert_eq!((state(&app, 0).as_str(), state(&app, 1).as_str()), ("starting", "ready"));
    site.write("good-worker-1", "");
    site.wait_until("worker", "both to be ready", |app| app.ready == 2);
    fs::remove_file(site.path().join("good-worker-2")).unwrap();
    let app = site.wait_until("worker", "the second to fail", |app| state(app, 1) == "unready");
    let detail = app.instances[1].detail.as_ref().unwrap();
    assert!(detail.contains("exited with code 3") && detail.contains("not yet"), "{detail}");
    assert_eq!(state(&app, 0), "ready");
}

#[test]
fn notify_is_the_word_of_the_app() {
    let site = Site::new();
    site.write(
        "worker.py",
        "import os, socket, time\n\
         to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         to.connect(os.environ['NOTIFY_SOCKET'])\n\
         to.send(b'STATUS=loading the index')\n\
         while not os.path.exists('loaded'): time.sleep(0.02)\n\
         to.send(b'READY=1')\n\
         time.sleep(600)\n",
    );
    site.write(
        "gapless.toml",
        "[apps.worker]\ncommand = \"python3 worker.py\"\n[apps.worker.ready]\nnotify = true\n",
    );
    let up = site.begin(&["up"]);
    wait_for("the worker to start", PATIENCE, || {
        site.home().join("control.sock").exists().then(|| site.status().apps.first().cloned()).flatten()
    });
    let is_starting = |app: &AppStatus| app.instances.first().is_some_and(|i| i.state == "starting");
    let app = site.wait_until("worker", "it to start", is_starting);
    assert_eq!(app.ready, 0);
    site.write("loaded", "");
    let _ = up.wait().succeeds();
    assert_eq!(site.app("worker").ready, 1);
}

#[test]
fn what_is_notified_while_control_is_gone_is_heard_by_the_next() {
    let site = Site::new();
    site.write(
        "worker.py",
        "import os, socket, time\n\
         to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         to.connect(os.environ['NOTIFY_SOCKET'])\n\
         while not os.path.exists('loaded'): time.sleep(0.02)\n\
         to.send(b'READY=1')\n\
         open('said', 'w').close()\n\
         time.sleep(600)\n",
    );
    site.write(
        "gapless.toml",
        "[apps.worker]\ncommand = \"python3 worker.py\"\n[apps.worker.ready]\nnotify = true\ndeadline = \"60s\"\n",
    );
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    let is_starting = |app: &AppStatus| app.instances.first().is_some_and(|i| i.state == "starting");
    let before = site.wait_until("worker", "it to start", is_starting);
    // The keeper does not bring the next control back before the worker has said it.
    let gapless = site.status().gapless;
    let (keeper, control) = (gapless.keeper_pid.unwrap(), gapless.control_pid);
    process::signal(keeper, process::STOP);
    process::kill(control);
    site.write("loaded", "");
    wait_for("it to be said", PATIENCE, || site.path().join("said").exists().then_some(()));
    process::signal(keeper, process::CONTINUE);
    let after = site.wait_until("worker", "it to be ready", |app| app.ready == 1);
    assert_eq!((only(&after).pid, only(&after).restarts), (only(&before).pid, 0), "{after:#?}");

    // What was said once is so for each control that comes after.
    site.kill_control();
    let again = site.wait_until("worker", "it to be known", |app| app.instances.len() == 1);
    assert_eq!((only(&again).pid, only(&again).state.as_str()), (only(&before).pid, "ready"));
}

#[test]
fn one_that_never_says_ready_is_told_by_its_last_words() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        "[apps.worker]\ncommand = \"sleep 600\"\n[apps.worker.ready]\nnotify = true\ndeadline = \"300ms\"\n",
    );
    let _ = site.gapless(&["up"]).exits(1).says("the app has not said READY=1");
}

#[test]
fn unready_in_service_means_out_of_the_split_and_back() {
    let site = Site::new();
    let app = CaseApp::new(2);
    app.up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let instances = site.instances("app");
    direct::ask(&instances[0], "POST /unready?ms=3000");
    let out = site.wait_until("app", "one to be out of service", |app| app.ready == 1);
    assert_eq!((out.instances[0].state.as_str(), out.instances[1].state.as_str()), ("unready", "ready"));
    assert!(out.instances[0].detail.as_ref().unwrap().contains("told to be unready"), "{out:#?}");
    // What is in flight ends; then nothing more comes.
    let handled = || -> u64 {
        let body = direct::ask(&instances[0], "GET /");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["handled"].as_u64().unwrap()
    };
    wait_for("nothing more to come", PATIENCE, || {
        let (first, began) = (handled(), Instant::now());
        std::thread::sleep(Duration::from_millis(100));
        let then = handled();
        // Its own probe every 100 ms, and the one of ours.
        let probes = 2 + began.elapsed().as_millis() / 100;
        (u128::from(then - first) <= probes).then_some(())
    });
    assert_eq!(site.app("app").ready, 1, "it was still out of service");
    let back = site.wait_until("app", "it to be back", |app| app.ready == 2);
    assert!(back.instances.iter().all(|i| i.restarts == 0));
    let was: Vec<_> = instances.iter().map(|i| i.pid).collect();
    assert_eq!(back.instances.iter().map(|i| i.pid).collect::<Vec<_>>(), was, "none was restarted");
    let served = back.instances[0].traffic.served;
    site.wait_until("app", "requests to come back to it", |app| {
        app.instances[0].traffic.served > served + 20
    });
    nothing_lost(load);
}

/// The app with a quick liveness probe, and little time for requests that will never be answered.
fn with_liveness(instances: u32) -> CaseApp {
    let tables = "[apps.app.live]\npath = \"/live\"\ninterval = \"100ms\"\ntimeout = \"1s\"\nfailures = 2\n\
                  [apps.app.drain]\ntimeout = \"1s\"\n[apps.app.stop]\ntimeout = \"1s\"\n";
    CaseApp { tables: tables.into(), ..CaseApp::new(instances).env("BOOT_MS", 400) }
}

/// Watches the app until every one of `restarted` instances was restarted once: never two at a time.
fn restarts_one_by_one(site: &Site, restarted: u32, least_ready: u32) {
    let is_coming_back = |i: &InstanceStatus| matches!(i.state.as_str(), "starting" | "stopping" | "backoff");
    let began = Instant::now();
    loop {
        let app = site.app("app");
        let coming = app.instances.iter().filter(|i| is_coming_back(i)).count();
        assert!(coming <= 1, "{coming} at a time: {:#?}", app.instances);
        assert!(app.ready >= least_ready, "{:#?}", app.instances);
        let restarts: u32 = app.instances.iter().map(|i| i.restarts).sum();
        if restarts == restarted && app.ready == app.wanted {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{:#?}", app.instances);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn one_that_is_wedged_is_restarted() {
    let site = Site::new();
    with_liveness(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, true));
    let instances = site.instances("app");
    direct::ask(&instances[0], "POST /wedge");
    restarts_one_by_one(&site, 1, 1);
    let after = site.instances("app");
    assert_eq!(after[1].pid, instances[1].pid);
    assert_ne!(after[0].pid, instances[0].pid);
    nothing_lost(load);
}

#[test]
fn two_that_are_wedged_are_restarted_one_after_the_other() {
    let site = Site::new();
    with_liveness(3).up(&site);
    let load = begin(plan(&site, Clients::Mixed, true));
    let instances = site.instances("app");
    direct::ask(&instances[0], "POST /wedge");
    direct::ask(&instances[1], "POST /wedge");
    restarts_one_by_one(&site, 2, 1);
    nothing_lost(load);
}

#[test]
fn all_that_are_wedged_are_restarted_one_after_the_other() {
    let site = Site::new();
    with_liveness(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, true));
    for instance in site.instances("app") {
        direct::ask(&instance, "POST /wedge");
    }
    // Nobody serves for a moment: requests are held until the first one is back.
    restarts_one_by_one(&site, 2, 0);
    nothing_lost(load);
}

#[test]
fn a_stranger_on_the_port_answers_for_nobody() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let answers = std::thread::spawn(move || {
        for stream in stranger.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap_or(0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            if request[..length].starts_with(b"GET /end") {
                return;
            }
        }
    });
    let site = Site::new();
    let app = CaseApp { deadline: "1500ms".into(), ..CaseApp::new(2).env("NEVER_READY", 1) };
    let toml = app.toml(&site).replace("cases.mjs\"]", &format!("cases.mjs\", \"{port}\"]"));
    site.write("gapless.toml", toml.replace("port = 3000", &format!("port = {port}")));
    let _ = site.gapless(&["up"]).exits(1).says("503").says("the database schema is older");
    std::net::TcpStream::connect(("127.0.0.1", port))
        .unwrap()
        .write_all(b"GET /end HTTP/1.1\r\n\r\n")
        .unwrap();
    answers.join().unwrap();
}
