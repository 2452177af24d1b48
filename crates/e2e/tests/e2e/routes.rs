//! No request is lost while listeners, hosts and paths are added, removed and moved: what is connected stays
//! so, what is begun is finished, and what comes goes where the file says.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{Customer, PATIENCE, Site, apps_directory, free_address};
use gapless_testkit::wait::wait_for;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The host that is moved about.
const HOST: &str = "shop.example.com";

/// Apps `a` and `b` with these routes: listener, and further keys.
fn file(a: &[(SocketAddr, &str)], b: &[(SocketAddr, &str)]) -> String {
    let mut text = String::new();
    let script = apps_directory().join("cases.mjs").display().to_string();
    for (name, routes) in [("a", a), ("b", b)] {
        let _ = writeln!(
            text,
            "[apps.{name}]\ncommand = [\"node\", {script:?}]\nport = 3000\nenv = {{ VERSION = \"{name}\" }}\n\
             ready = {{ path = \"/ready\", interval = \"100ms\" }}"
        );
        if routes.is_empty() {
            let _ = writeln!(text, "routes = []");
        }
        for (listen, keys) in routes {
            let _ = writeln!(text, "[[apps.{name}.routes]]\nlisten = \"{listen}\"\n{keys}");
        }
    }
    text
}

fn up(site: &Site, a: &[(SocketAddr, &str)], b: &[(SocketAddr, &str)]) {
    site.write("gapless.toml", file(a, b));
    let _ = site.gapless(&["up"]).succeeds();
}

/// Which app answers for the host there.
fn version(at: SocketAddr) -> String {
    let answer = Customer::of(at).header("host", HOST).get("/").unwrap();
    answer.headers.get("x-version").cloned().unwrap_or_else(|| answer.status.to_string())
}

/// A request on a connection that is kept, and its answer not yet read.
struct Begun(TcpStream);

impl Begun {
    fn get(at: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut begun = Self(stream);
        begun.ask(path);
        begun
    }

    fn ask(&mut self, path: &str) {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").unwrap();
    }

    /// Reads until `last` has come; all that came.
    fn until(&mut self, last: &str) -> String {
        let mut text = String::new();
        let mut byte = [0];
        while !text.ends_with(last) {
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "cut after {text:?}");
            text.push(char::from(byte[0]));
        }
        text
    }
}

#[test]
fn a_listener_is_added_and_removed_beside_another() {
    let site = Site::new();
    let (first, second) = (site.address(), free_address());
    up(&site, &[(first, "")], &[]);
    let load = begin(plan(&site, Clients::Mixed, false));
    for _ in 0..3 {
        up(&site, &[(first, ""), (second, "")], &[]);
        assert_eq!(version(second), "a");
        let mut kept = Begun::get(second, "/slow?ms=1");
        kept.until("}");
        let mut streaming = Begun::get(second, "/stream?ms=600");
        streaming.until("a\n");
        up(&site, &[(first, "")], &[]);
        // What has begun ends well, and a connection that was kept is told that it is the last answer.
        streaming.until("end\n\r\n0\r\n\r\n");
        kept.ask("/slow?ms=1");
        let answer = kept.until("}");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
        wait_for("the listener is closed", PATIENCE, || TcpStream::connect(second).err());
    }
    nothing_lost(load);
}

#[test]
fn a_listener_moves() {
    let site = Site::new();
    let (first, second) = (site.address(), free_address());
    up(&site, &[(first, "")], &[]);
    let mut kept = Begun::get(first, "/slow?ms=1");
    kept.until("}");
    let mut streaming = Begun::get(first, "/stream?ms=1500");
    streaming.until("a\n");
    up(&site, &[(second, "")], &[]);
    assert_eq!(version(second), "a");
    streaming.until("end\n\r\n0\r\n\r\n");
    kept.ask("/slow?ms=1");
    let answer = kept.until("}");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    wait_for("the listener is closed", PATIENCE, || TcpStream::connect(first).err());
    // And back at once, to the very address.
    up(&site, &[(first, "")], &[]);
    assert_eq!(version(first), "a");
    assert_eq!(site.app("a").traffic.failed, 0);
}

#[test]
fn a_host_and_a_path_move_from_app_to_app() {
    let site = Site::new();
    let at = site.address();
    let host = format!("host = {HOST:?}");
    let path = format!("host = {HOST:?}\npath = \"/echo\"");
    let other = "host = \"other.example.com\"";
    up(&site, &[(at, &host)], &[(at, other)]);
    let mut mixed = plan(&site, Clients::Mixed, false);
    mixed.host = HOST.into();
    let load = begin(mixed);
    let pids = [site.pids("a"), site.pids("b")];
    for _ in 0..3 {
        let mut streaming = Begun::get(at, "/stream?ms=600");
        streaming.until("a\n");
        up(&site, &[(at, other)], &[(at, &host)]);
        assert_eq!(version(at), "b");
        streaming.until("end\n\r\n0\r\n\r\n");
        // The next request of the same connection goes where it belongs now.
        streaming.ask("/slow?ms=1");
        assert!(streaming.until("}").contains("x-version: b"));
        up(&site, &[(at, &path)], &[(at, &host)]);
        up(&site, &[(at, &host)], &[(at, other)]);
        assert_eq!(version(at), "a");
    }
    let report = nothing_lost(load);
    assert!(report.answers_of("a") > 0 && report.answers_of("b") > 0, "{report}");
    assert_eq!([site.pids("a"), site.pids("b")], pids, "no process was touched");
}

#[test]
fn what_cannot_be_had_moves_nothing() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, host) = (site.address(), format!("host = {HOST:?}"));
    up(&site, &[(at, &host)], &[(at, "")]);
    let load = begin(plan(&site, Clients::KeepAlive, false));
    site.write("gapless.toml", file(&[(at, "")], &[(taken.local_addr().unwrap(), ""), (at, &host)]));
    let _ = site.gapless(&["up"]).exits(2).says("another program listens there");
    assert_eq!(version(at), "a");
    nothing_lost(load);
}
