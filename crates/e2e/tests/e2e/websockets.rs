//! WebSockets through rollouts, with real servers and clients (`ws`, `socket.io`): no message torn, none out of
//! turn, every close seen by both sides, and who comes back comes to the new release.

use gapless_e2e::traffic::nothing_lost;
use gapless_e2e::{PATIENCE, Site, apps_directory, versions};
use gapless_load::{LoadThread, Plan, RequestKind, Stream};
use gapless_testkit::wait::wait_for;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Where server and clients are.
fn directory() -> PathBuf {
    let directory = apps_directory().join("sockets");
    assert!(directory.join("node_modules").exists(), "run `npm ci` in {}", directory.display());
    directory
}

/// The server as an app with one instance: so that "the new release" is one place.
fn up(drain: &str, push_ms: u32) -> Site {
    let site = Site::new();
    let toml = format!(
        "[apps.app]\ncommand = \"node server.mjs\"\ncwd = {cwd:?}\nport = 3000\nenv = {{ PUSH_MS = \"{push_ms}\" }}\n\n\
         [[apps.app.routes]]\nlisten = \"{address}\"\n\n\
         [apps.app.ready]\npath = \"/\"\ninterval = \"100ms\"\n\n\
         [apps.app.rollout]\nbake = \"0s\"\n\n[apps.app.drain]\n{drain}\n",
        cwd = directory().display().to_string(),
        address = site.address(),
    );
    site.write("gapless.toml", toml);
    let _ = site.gapless(&["up"]).succeeds();
    site
}

/// What the server had to complain about.
fn faults(site: &Site) -> Vec<String> {
    let log = std::fs::read_to_string(site.home().join("logs/app/out.log")).unwrap_or_default();
    log.lines().filter(|line| line.contains("FAULT")).map(str::to_owned).collect()
}

/// A process with clients.
struct Clients {
    child: Child,
    out: BufReader<ChildStdout>,
    count: u64,
}

impl Clients {
    /// So many, all of them connected.
    fn connect(site: &Site, kind: &str, count: u64, say_ms: u32) -> Self {
        let mut command = Command::new("node");
        command.current_dir(directory()).arg("clients.mjs").arg(kind);
        command.args([site.address().to_string(), count.to_string(), say_ms.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut clients = Self { child, out, count };
        assert_eq!(clients.line(), "open");
        clients
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What they have seen so far.
    fn seen(&mut self) -> Value {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Waits until all are on this release.
    fn all_on(&mut self, release: &str) -> Value {
        let count = self.count;
        wait_for(&format!("all clients on {release}"), PATIENCE, || {
            let seen = self.seen();
            let on = seen["releases"][release] == count && seen["open"] == count;
            assert_eq!(seen["faults"], serde_json::json!([]), "{seen}");
            on.then_some(seen)
        })
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Requests beside the WebSockets.
fn beside(site: &Site) -> LoadThread {
    let get = RequestKind::get("/");
    let kept = Stream::new("beside, kept", 4, get.clone()).every(Duration::from_millis(10));
    let anew = Stream::new("beside, anew", 2, get).connecting_anew().every(Duration::from_millis(10));
    gapless_e2e::traffic::begin(Plan::new(site.address(), Duration::from_secs(120)).with(kept).with(anew))
}

/// Reloads under messages both ways, if there are any: each of `count` clients is closed once by each.
fn closed_and_back(kind: &str, count: u64, message_ms: u32, window: &str, reloads: u64) {
    let site = up(&format!("websocket = \"close\"\nwebsocket_window = \"{window}\""), message_ms);
    let mut clients = Clients::connect(&site, kind, count, message_ms);
    let load = beside(&site);
    for release in 2..2 + reloads {
        let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
        clients.all_on(&format!("r{release}"));
    }
    let seen = clients.seen();
    nothing_lost(load);
    assert_eq!(seen["codes"], serde_json::json!({ "1012": reloads * count }), "{seen}");
    assert_eq!(
        seen["reasons"],
        serde_json::json!({ "the service restarts, reconnect": reloads * count }),
        "{seen}"
    );
    assert_eq!(seen["stale"], 0, "{seen}");
    let messages = seen["messages"].as_u64().unwrap();
    assert!(message_ms == 0 || messages > 10 * count, "{seen}");
    assert_eq!(faults(&site), Vec::<String>::new());
}

#[test]
fn ws_is_closed_between_two_messages_and_comes_back_to_the_new_release() {
    closed_and_back("ws", 40, 40, "1s", 3);
}

#[test]
fn socket_io_is_closed_between_two_messages_and_comes_back_to_the_new_release() {
    closed_and_back("socket.io", 40, 40, "1s", 3);
}

#[test]
fn a_thousand_are_closed_one_by_one() {
    closed_and_back("ws", 1_000, 0, "2s", 1);
}

#[test]
fn those_that_are_kept_live_on_with_their_instance() {
    let site = up("timeout = \"10s\"\nwebsocket = \"keep\"\nwebsocket_timeout = \"10m\"", 20);
    let mut clients = Clients::connect(&site, "ws", 5, 20);
    let old = site.pids("app").into_values().flatten().next().unwrap();
    let load = beside(&site);
    let reload = site.begin(&["reload", "app"]);
    site.wait_until("app", "the new release serves", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready")
    });
    let before = clients.seen();
    let reached = before["messages"].as_u64().unwrap() + 200;
    wait_for("more messages from the old release", PATIENCE, || {
        let seen = clients.seen();
        assert_eq!((&seen["codes"], &seen["faults"]), (&before["codes"], &before["faults"]), "{seen}");
        assert_eq!(seen["releases"]["r1"], 5);
        (seen["messages"].as_u64().unwrap() > reached).then_some(())
    });
    assert!(gapless_e2e::process::runs(old));
    drop(clients);
    let _ = reload.wait().succeeds().says(" 0 lost");
    wait_for("the end of the old instance", PATIENCE, || (!gapless_e2e::process::runs(old)).then_some(()));
    nothing_lost(load);
}

/// Their app is left alone: they come back through the proxy that has taken over.
#[test]
fn through_an_upgrade_of_gapless_itself() {
    let site = up("websocket = \"close\"\nwebsocket_window = \"1s\"", 40);
    let (before, pids) = (site.status().gapless.proxy_pid.unwrap(), site.pids("app"));
    let mut clients = Clients::connect(&site, "ws", 40, 40);
    let load = beside(&site);
    let [next, _] = versions(&site);
    let _ = site.gapless_of(&next, &["upgrade"]).succeeds();
    let seen = wait_for("all to have come back", PATIENCE, || {
        let seen = clients.seen();
        assert_eq!(seen["faults"], serde_json::json!([]), "{seen}");
        (seen["codes"]["1012"] == 40 && seen["open"] == 40).then_some(seen)
    });
    assert_eq!(seen["codes"], serde_json::json!({ "1012": 40 }), "{seen}");
    wait_for("the end of the former proxy", PATIENCE, || (!gapless_e2e::process::runs(before)).then_some(()));
    nothing_lost(load);
    assert_eq!((site.pids("app"), faults(&site)), (pids, Vec::new()));
}

#[test]
fn those_that_are_kept_live_on_with_a_proxy_that_was_replaced() {
    let site = up("websocket = \"keep\"\nwebsocket_timeout = \"10m\"", 20);
    let before = site.status().gapless.proxy_pid.unwrap();
    let mut clients = Clients::connect(&site, "ws", 5, 20);
    let load = beside(&site);
    let [next, _] = versions(&site);
    let _ = site.gapless_of(&next, &["upgrade"]).succeeds();
    let reached = clients.seen()["messages"].as_u64().unwrap() + 200;
    let seen = wait_for("more messages", PATIENCE, || {
        let seen = clients.seen();
        (seen["messages"].as_u64().unwrap() > reached).then_some(seen)
    });
    assert_eq!((&seen["codes"], &seen["faults"]), (&serde_json::json!({}), &serde_json::json!([])), "{seen}");
    assert_eq!(site.status().gapless.retiring_proxies, [before]);
    assert_eq!(faults(&site), Vec::<String>::new());
    drop(clients);
    wait_for("the end of the former proxy", PATIENCE, || (!gapless_e2e::process::runs(before)).then_some(()));
    nothing_lost(load);
}

/// A frame as a client sends it, with a key that changes nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// The next frame: its first byte and what it carries.
fn read(from: &mut impl Read) -> (u8, Vec<u8>) {
    let mut bytes = |n: u64| {
        let mut bytes = Vec::new();
        from.by_ref().take(n).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, n, "cut");
        bytes
    };
    let head = bytes(2);
    let length = match head[1] {
        126 => u64::from(u16::from_be_bytes(bytes(2).try_into().unwrap())),
        127 => u64::from_be_bytes(bytes(8).try_into().unwrap()),
        short => u64::from(short),
    };
    (head[0], bytes(length))
}

/// An upgraded connection to the server that sends back what it gets, and says nothing by itself.
fn echo(site: &Site) -> TcpStream {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = format!(
        "GET /echo HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        site.address()
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&head));
        head.extend(&part[..length]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Ten thousand, or as many as a process here may have descriptors for: the proxy needs two for each.
#[test]
fn ten_thousand_idle_ones_are_told_to_come_back_and_none_is_reset() {
    const THREADS: usize = 4;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let room = maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap());
    let each = (room.saturating_sub(300) / 2).min(10_000) / THREADS;
    let site = up("timeout = \"60s\"\nwebsocket = \"close\"\nwebsocket_window = \"2s\"", 0);
    let connect = || (0..each).map(|_| echo(&site)).collect::<Vec<_>>();
    let sockets: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(connect)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let load = beside(&site);
    let reload = site.begin(&["reload", "app"]);
    let close = [&1012_u16.to_be_bytes()[..], b"the service restarts, reconnect"].concat();
    thread::scope(|scope| {
        for sockets in sockets {
            scope.spawn(|| {
                for mut socket in sockets {
                    assert_eq!(read(&mut socket), (0x88, close.clone()));
                    socket.write_all(&masked(0x88, &close)).unwrap();
                    assert_eq!(socket.read(&mut [0]).unwrap(), 0, "closed, and not reset");
                }
            });
        }
    });
    let _ = reload.wait().succeeds().says(" 0 lost");
    nothing_lost(load);
    assert_eq!(faults(&site), Vec::<String>::new());
}

/// The cases of the Autobahn test suite that a proxy can break: 1 (framing), 2 (pings), 5 (fragmentation),
/// 7 (closing) and 9 (large messages), each against `ws` behind the proxy.
#[test]
fn what_passes_through_arrives_as_it_was_sent() {
    let site = up("websocket = \"close\"", 0);
    let stream = echo(&site);
    let mut reader = BufReader::new(stream.try_clone().unwrap());

    let (text, binary) = (0x81, 0x82);
    /// What it is, what is sent, and the frames that come back.
    type Case = (String, Vec<Vec<u8>>, Vec<(u8, Vec<u8>)>);
    let mut cases: Vec<Case> = Vec::new();
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 4 << 20] {
        for kind in [text, binary] {
            let payload = vec![b'*'; length];
            let sent = vec![masked(kind, &payload)];
            cases.push((format!("1, 9: {kind:#x} of {length}"), sent, vec![(kind, payload)]));
        }
    }
    for length in [0, 5, 125] {
        let payload = vec![0xfe; length];
        cases.push((format!("2: a ping of {length}"), vec![masked(0x89, &payload)], vec![(0x8a, payload)]));
    }
    cases.push(("2: a pong that nobody asked for".into(), vec![masked(0x8a, b"x")], vec![]));
    let pings = (0..10_u8).map(|n| masked(0x89, &[n])).collect();
    cases.push(("2: ten pings".into(), pings, (0..10).map(|n| (0x8a, vec![n])).collect()));
    let fragments = || vec![masked(0x01, b"frag"), masked(0x00, b""), masked(0x80, b"ments")];
    cases.push(("5: fragments".into(), fragments(), vec![(text, b"fragments".to_vec())]));
    let mut between = fragments();
    between.insert(1, masked(0x89, b"between"));
    let answers = vec![(0x8a, b"between".to_vec()), (text, b"fragments".to_vec())];
    cases.push(("5: a ping between fragments".into(), between, answers));
    let many = |n: usize, size: usize| {
        let mut frames = vec![masked(0x02, &vec![7; size])];
        frames.extend((2..n).map(|_| masked(0x00, &vec![7; size])));
        frames.push(masked(0x80, &vec![7; size]));
        (frames, vec![(binary, vec![7; size * n])])
    };
    let (frames, whole) = many(64, 65_536);
    cases.push(("9: 4 MiB in 64 fragments".into(), frames, whole));
    let (frames, whole) = many(2_000, 1);
    cases.push(("9: 2000 fragments of a byte".into(), frames, whole));
    let close = [&1000_u16.to_be_bytes()[..], b"done"].concat();
    cases.push(("7: a close".into(), vec![masked(0x88, &close)], vec![(0x88, close)]));

    for (name, frames, answers) in cases {
        // Whole, and for the short ones byte by byte: "chopped" in the suite's words.
        let bytes = frames.concat();
        let sender = {
            let mut stream = stream.try_clone().unwrap();
            thread::spawn(move || {
                let size = if bytes.len() < 1_000 { 1 } else { 70_000 };
                bytes.chunks(size).for_each(|chunk| stream.write_all(chunk).unwrap());
            })
        };
        for answer in answers {
            let got = read(&mut reader);
            assert!(got == answer, "{name}: {:#x} with {} bytes", got.0, got.1.len());
        }
        sender.join().unwrap();
    }
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the server closes first (RFC 6455 section 7.1.1)");
    assert_eq!(faults(&site), Vec::<String>::new());
}
