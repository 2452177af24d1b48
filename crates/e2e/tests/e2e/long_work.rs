//! Work that has begun on an instance ends there, however long it takes and whatever shape it has: transfers of a
//! gigabyte, streams of events, trailers, answers without a body, answers that come before their request is over.

use gapless_e2e::{PATIENCE, Partner, Site, apps_directory, direct, versions};
use gapless_testkit::wait::wait_for;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// One instance of `apps/long.mjs`, and its process.
fn up() -> (Arc<Site>, u32) {
    up_with("")
}

/// The same with further tables.
fn up_with(tables: &str) -> (Arc<Site>, u32) {
    let site = Site::new();
    let toml = format!(
        "[apps.long]\ncommand = [\"node\", {script:?}]\nport = 3000\n\n[[apps.long.routes]]\nlisten = \"{address}\"\n\n\
         [apps.long.ready]\npath = \"/\"\ninterval = \"100ms\"\n\n[apps.long.rollout]\nbake = \"200ms\"\n\n{tables}\n",
        script = apps_directory().join("long.mjs").display().to_string(),
        address = site.address(),
    );
    site.write("gapless.toml", toml);
    let _ = site.gapless(&["up"]).succeeds();
    let pid = site.instances("long")[0].pid.unwrap();
    (Arc::new(site), pid)
}

/// Waits until requests go to another instance than `old`.
fn wait_for_another(site: &Site, old: u32) {
    let customer = gapless_e2e::Customer::of(site.address());
    wait_for("another instance serves", PATIENCE, || {
        (customer.get("/").unwrap().json()["pid"] != old).then_some(())
    });
}

/// Resident memory of a process in bytes, as in `/proc/PID/statm` (proc(5)).
fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The most memory that a process has had while this was watched.
struct Memory {
    stop: Arc<AtomicBool>,
    watch: thread::JoinHandle<u64>,
}

impl Memory {
    fn watch(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watch = thread::spawn(move || {
            let mut most = 0;
            while !stopped.load(Ordering::SeqCst) {
                most = most.max(resident(pid));
                thread::sleep(Duration::from_millis(10));
            }
            most
        });
        Self { stop, watch }
    }

    fn most(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.watch.join().unwrap()
    }
}

#[test]
fn a_gigabyte_up_and_a_slow_download_cross_a_rollout_byte_for_byte() {
    let (site, old) = up();
    let proxy = site.status().gapless.proxy_pid.unwrap();
    let before = resident(proxy);
    let memory = Memory::watch(proxy);
    let transfer = |what, mb| {
        let words = ["transfer.mjs", &site.address().to_string(), what, mb];
        Partner::node(&apps_directory(), &words)
    };
    let mut up = transfer("upload", "1024");
    let mut down = transfer("download", "256");
    let reload = site.begin(&["reload", "long"]);
    wait_for_another(&site, old);
    // Both are in the middle of it, and their instance is retiring.
    let sent = thread::spawn(move || up.told("go on"));
    let got = down.told("go on");
    let sent = sent.join().unwrap();
    assert_eq!((&sent["status"], &sent["got"]["length"]), (&200.into(), &(1_u64 << 30).into()), "{sent}");
    assert_eq!((&sent["got"]["sha1"], &sent["got"]["pid"]), (&sent["sent"], &old.into()), "{sent}");
    assert_eq!((&got["status"], &got["length"]), (&200.into(), &(256_u64 << 20).into()), "{got}");
    assert_eq!((&got["got"], &got["pid"]), (&got["said"], &old.into()), "{got}");
    let _ = reload.wait().succeeds().says(" 0 lost");
    let grown = memory.most().saturating_sub(before) >> 20;
    assert!(grown < 16, "the proxy has grown by {grown} MiB");
}

/// A client of server-sent events, by hand: what it has is what was written to it.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn connect(site: &Site) -> Self {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n").unwrap();
        let mut listener = Self(BufReader::new(stream));
        while listener.line() != "" {}
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the end");
        line.trim_end().to_owned()
    }

    /// The next event; none at a clean end.
    fn event(&mut self) -> Option<String> {
        let size = usize::from_str_radix(&self.line(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).unwrap();
        let text = String::from_utf8(chunk).unwrap();
        (size > 0).then(|| text.trim_end().strip_prefix("data: ").unwrap().to_owned())
    }
}

#[test]
fn events_arrive_one_by_one_through_a_rollout() {
    let (site, old) = up();
    let instance = site.instances("long").remove(0);
    let mut listener = Listener::connect(&site);
    assert_eq!(listener.event().unwrap(), format!("hello {old}"));
    let mut emitted = 0;
    let mut each_arrives = |times: u32, listener: &mut Listener| {
        for _ in 0..times {
            emitted += 1;
            direct::ask(&instance, "POST /emit");
            // The next is not sent before this one has arrived.
            assert_eq!(listener.event().unwrap(), format!("{emitted} {old}"));
        }
    };
    each_arrives(20, &mut listener);
    let reload = site.begin(&["reload", "long"]);
    wait_for_another(&site, old);
    each_arrives(20, &mut listener);
    // A client that comes now is on the new one.
    assert_ne!(Listener::connect(&site).event().unwrap(), format!("hello {old}"));
    each_arrives(20, &mut listener);
    direct::ask(&instance, "POST /end");
    assert_eq!(listener.event(), None);
    let _ = reload.wait().succeeds().says(" 0 lost");
}

/// What has begun ends in the proxy in which it began, on the instance that is left alone.
#[test]
fn an_upgrade_of_gapless_itself_cuts_nothing_of_it() {
    let (site, pid) = up();
    let instance = site.instances("long").remove(0);
    let former = site.status().gapless.proxy_pid.unwrap();
    let transfer = |what, mb| {
        let words = ["transfer.mjs", &site.address().to_string(), what, mb];
        Partner::node(&apps_directory(), &words)
    };
    let (mut up, mut down) = (transfer("upload", "200"), transfer("download", "50"));
    let mut listener = Listener::connect(&site);
    assert_eq!(listener.event().unwrap(), format!("hello {pid}"));
    let [next, _] = versions(&site);
    let _ = site.gapless_of(&next, &["upgrade"]).succeeds();
    let now = site.status().gapless;
    assert_eq!(now.retiring_proxies, [former]);
    let sent = thread::spawn(move || up.told("go on"));
    let got = down.told("go on");
    let sent = sent.join().unwrap();
    assert_eq!((&sent["status"], &sent["got"]["length"]), (&200.into(), &(200_u64 << 20).into()), "{sent}");
    assert_eq!((&sent["got"]["sha1"], &sent["got"]["pid"]), (&sent["sent"], &pid.into()), "{sent}");
    assert_eq!((&got["got"], &got["length"]), (&got["said"], &(50_u64 << 20).into()), "{got}");
    for emitted in 1..20 {
        direct::ask(&instance, "POST /emit");
        assert_eq!(listener.event().unwrap(), format!("{emitted} {pid}"));
    }
    assert!(gapless_e2e::process::runs(former), "it waits for the client of events");
    direct::ask(&instance, "POST /end");
    assert_eq!(listener.event(), None);
    // It closes no connection that could bring another request, so it waits for those as well.
    drop((listener, down));
    wait_for("the end of the former proxy", PATIENCE, || (!gapless_e2e::process::runs(former)).then_some(()));
    assert_eq!(site.instances("long")[0].pid, Some(pid));
}

/// A stream without end cannot be waited for: it is cut when the drain is over, so that its client sees that it was.
#[test]
fn a_client_of_events_without_end_comes_back_to_the_new_instance() {
    let (site, old) = up_with("[apps.long.drain]\ntimeout = \"2s\"\n");
    let instance = site.instances("long").remove(0);
    let mut listener = Listener::connect(&site);
    assert_eq!(listener.event().unwrap(), format!("hello {old}"));
    let reload = site.begin(&["reload", "long"]);
    wait_for_another(&site, old);
    direct::ask(&instance, "POST /emit");
    assert_eq!(listener.event().unwrap(), format!("1 {old}"));
    let mut rest = Vec::new();
    let end = listener.0.read_to_end(&mut rest);
    assert!(end.is_err() && rest.is_empty(), "an end that looks like one of its own: {end:?} {rest:?}");
    let mut listener = Listener::connect(&site);
    assert_ne!(listener.event().unwrap(), format!("hello {old}"));
    // The receipt does not hide it.
    let _ = reload.wait().succeeds().says("1 LOST");
}

/// Sends a request in parts, and reads all that comes back.
fn ask(site: &Site, parts: &[&[u8]], half_close: bool) -> String {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
    }
    if half_close {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Every corner once.
fn corners(site: &Site) {
    let head =
        |first: &str, more: &str| format!("{first} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");

    let answer = ask(site, &[head("HEAD /file", "").as_bytes()], false);
    assert!(answer.contains("content-length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    for code in ["204", "304"] {
        let answer = ask(site, &[head(&format!("GET /nothing?code={code}"), "").as_bytes()], false);
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
        assert!(answer.contains("etag: \"1\"\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.contains("content-length") && !answer.contains("transfer-encoding"), "{answer}");
    }

    let chunked = head("POST /echo", "TE: trailers\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n");
    let parts: [&[u8]; 3] = [chunked.as_bytes(), b"5\r\nhello\r\n", b"1\r\n!\r\n0\r\nx-sum: 7\r\n\r\n"];
    let answer = ask(site, &parts, false);
    assert!(answer.contains("hello") && answer.ends_with("\r\n0\r\nx-sum: 7\r\n\r\n"), "{answer}");

    let answer = ask(site, &[head("GET /late", "").as_bytes()], true);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with('}'), "half-closed: {answer}");

    let megabyte = vec![b'm'; 1 << 20];
    let refused = head("POST /refuse", "Content-Length: 4194304\r\n");
    let answer = ask(site, &[refused.as_bytes(), &megabyte, &megabyte, &megabyte, &megabyte], false);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with('}'), "early: {answer}");

    let expecting = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    let answer = ask(site, &[head("POST /guarded", expecting).as_bytes()], false);
    assert!(answer.starts_with("HTTP/1.1 403 "), "the body was not asked for: {answer}");
    let answer = ask(
        site,
        &[head("POST /guarded", &format!("X-Token: 1\r\n{expecting}")).as_bytes(), b"hello"],
        false,
    );
    let (go_on, answer) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(go_on, "HTTP/1.1 100 Continue");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["length"], 5, "{answer}");
}

#[test]
fn the_corners_of_http_through_reloads() {
    let (site, _) = up();
    let stop = Arc::new(AtomicBool::new(false));
    let customers: Vec<_> = (0..3)
        .map(|_| {
            let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
            thread::spawn(move || {
                let mut rounds = 0;
                while !stop.load(Ordering::SeqCst) {
                    corners(&site);
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    for _ in 0..3 {
        let _ = site.gapless(&["reload", "long"]).succeeds().says(" 0 lost");
    }
    stop.store(true, Ordering::SeqCst);
    let rounds: u64 = customers.into_iter().map(|customer| customer.join().unwrap()).sum();
    assert!(rounds >= 3);
    let app = site.wait_until("long", "all is counted", |app| app.traffic.served >= 8 * rounds);
    assert_eq!((app.traffic.failed, app.traffic.client_gone), (0, 0), "{:?}", app.traffic);
}
