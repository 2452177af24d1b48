//! No request of a client that speaks HTTP/2 is lost while an app is reloaded, whichever protocol its instances
//! speak. The clients are h2load and curl, which retry nothing.

use gapless_e2e::{CapacityWatch, CaseApp, Site};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Clients that run, one process after the other, until they are stopped.
struct Again {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u32>>,
}

impl Again {
    fn new() -> Self {
        Self { stop: Arc::default(), threads: Vec::new() }
    }

    /// Another one. `judge` panics if something was lost.
    fn with(mut self, words: Vec<String>, judge: fn(&str)) -> Self {
        let stop = Arc::clone(&self.stop);
        self.threads.push(thread::spawn(move || {
            let mut runs = 0;
            while runs == 0 || !stop.load(Ordering::SeqCst) {
                judge(&said(&Command::new(&words[0]).args(&words[1..]).output().unwrap()));
                runs += 1;
            }
            runs
        }));
        self
    }

    /// Lets each end its run, and returns how many there were of each.
    fn stop(self) -> Vec<u32> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

/// What a program has printed, if it succeeded.
fn said(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    out
}

fn words(program: &str, options: &str, url: String) -> Vec<String> {
    let options = options.split_whitespace().map(str::to_owned);
    std::iter::once(program.to_owned()).chain(options).chain([url]).collect()
}

/// 600 requests at 150 in a second: 60 at a time at most, on 6 connections.
const PACE: &str = "-n 600 -c 6 -m 10 --rps 25";

fn whole_load(said: &str) {
    let requests = "600 total, 600 started, 600 done, 600 succeeded, 0 failed, 0 errored, 0 timeout\nstatus codes: 600 2xx";
    assert!(said.contains(requests), "{said}");
}

fn whole_answer(said: &str) {
    assert!(said.starts_with("{\"length\":20000,\"sha256\":") && said.ends_with("}200,2"), "{said}");
}

fn whole_stream(said: &str) {
    let (lines, end) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(end, "end", "{said}");
    let version = lines.lines().next().unwrap();
    // How many there are is for the machine to say.
    assert!(lines.lines().all(|line| line == version), "{said}");
}

/// Three reloads under requests, uploads and streams.
fn three_reloads(app: &CaseApp) {
    let site = Arc::new(Site::new());
    app.up(&site);
    let at = |path: &str| format!("http://{}{path}", site.address());
    let body = site.write("body", vec![b'b'; 20_000]);
    let upload = format!("{PACE} --data={}", body.display());
    let curl = "--silent --show-error --fail --http2-prior-knowledge";
    let post =
        format!("{curl} --write-out %{{http_code}},%{{http_version}} --data-binary @{}", body.display());
    let clients = Again::new()
        .with(words("h2load", PACE, at("/")), whole_load)
        .with(words("h2load", &upload, at("/echo")), whole_load)
        .with(words("curl", &post, at("/echo")), whole_answer)
        .with(words("curl", curl, at("/stream?ms=1500")), whole_stream);
    let capacity = CapacityWatch::begin(&site, "app");
    for _ in 0..3 {
        let reload = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
        assert!(!reload.text().contains("aborted"), "{}", reload.text());
    }
    capacity.never_below(2);
    let runs = clients.stop();
    let sent = u64::from(600 * (runs[0] + runs[1]) + runs[2] + runs[3]);
    let app = site.wait_until("app", "all is counted", |app| app.traffic.served >= sent);
    assert_eq!((app.traffic.failed, app.traffic.client_gone), (0, 0), "{:?}", app.traffic);
    let instances = site.instances("app");
    assert!(instances.iter().all(|i| i.state == "ready" && i.restarts == 0 && i.release.0 == 4));
}

#[test]
fn to_instances_of_http1() {
    three_reloads(&CaseApp::new(2));
}

#[test]
fn to_instances_of_http2() {
    three_reloads(&CaseApp { keys: "protocol = \"h2c\"".into(), ..CaseApp::new(2).env("PROTOCOL", "h2c") });
}

/// What its probe says is heard over HTTP/2, and what speaks something else is not ready.
#[test]
fn probes_of_instances_of_http2() {
    let site = Site::new();
    let app = CaseApp {
        keys: "protocol = \"h2c\"".into(),
        deadline: "4s".into(),
        tables: "[apps.app.live]\npath = \"/live\"\ninterval = \"100ms\"\nfailures = 2\n".into(),
        ..CaseApp::new(1).env("PROTOCOL", "h2c")
    };
    app.up(&site);
    let pid = site.instances("app")[0].pid;
    app.clone().env("NEVER_READY", 1).define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("503").says("the database schema is older");
    app.clone().env("PROTOCOL", "http1").define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("not ready within 4s").says("no HTTP/2 answer");
    let instance = &site.instances("app")[0];
    assert_eq!(
        (instance.pid, instance.restarts),
        (pid, 0),
        "it lives, and its probe has said so all the time"
    );
    // One that hangs is found out.
    let _ = gapless_e2e::Customer::of(site.address()).post("/wedge", b"x").unwrap();
    site.wait_until("app", "it is started again", |app| {
        app.instances.iter().any(|i| i.pid != pid && i.state == "ready")
    });
}
