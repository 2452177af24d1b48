//! The apps in `examples/` run unmodified by their own `gapless.toml`, see the world as they would without
//! Gapless, and lose no request while they are reloaded.

use gapless_e2e::traffic::{begin, nothing_lost};
use gapless_e2e::{Answer, CapacityWatch, Customer, Site, instance_processes};
use gapless_load::{Plan, RequestKind, Stream, Verify, VersionFrom};
use gapless_model::RolloutPhase;
use gapless_sys::listening::{self, Listening};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Not the address that everything on this machine has by itself.
const CUSTOMER: &str = "127.0.0.7";

/// Brings an example up by its own file: only where it listens, and where the file lies, are others. `more`
/// are further lines for the app.
fn up(name: &str, more: &str) -> Arc<Site> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let directory = directory.canonicalize().unwrap();
    let installed = !directory.join("package-lock.json").exists() || directory.join("node_modules").exists();
    assert!(installed, "run `npm ci` in examples/{name}: its packages are not installed");

    let site = Arc::new(Site::new());
    let toml = fs::read_to_string(directory.join("gapless.toml")).unwrap();
    let (before, listen) = toml.split_once("listen = \"").unwrap();
    let (_, after) = listen.split_once('"').unwrap();
    let head = format!("[apps.{name}]\n");
    let here = format!("{head}cwd = {:?}\n{more}", directory.display().to_string());
    let before = before.replacen(&head, &here, 1);
    assert!(before.contains(&here) && before.contains("instances = 2"), "{toml}");
    site.write("gapless.toml", format!("{before}listen = \"{}\"{after}", site.address()));
    let _ = site.gapless(&["up"]).succeeds().says("r1 is up");
    site
}

/// What `GET /` says of who asks and where it is.
fn look(site: &Site, name: &str) -> Value {
    let answer = Customer::of(site.address()).from(CUSTOMER).get("/").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let said = answer.json();
    assert_eq!(said["app"], name);
    // As Node has it on a socket for both families.
    let client = said["client"].as_str().unwrap_or_default();
    assert!(client.trim_start_matches("::ffff:") == CUSTOMER, "{said}");
    said
}

/// The TCP ports that the instances have opened themselves.
fn tcp_ports(site: &Site, name: &str) -> Vec<u16> {
    let groups = site.pids(name).into_values().flatten();
    let all = groups.flat_map(|group| listening::by_group(group).unwrap());
    let port = |listening| match listening {
        Listening::Tcp(address) => Some(address.port()),
        Listening::Unix(_) => None,
    };
    all.filter_map(port).collect()
}

/// Sends bodies of all sizes, none, one byte, and more than fits into any buffer on the way.
fn bodies_arrive(site: &Site) {
    for size in [0_usize, 1, 70_000, 3_000_000] {
        let body: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let answer = Customer::of(site.address()).header("Content-Type", "application/octet-stream");
        let answer = answer.post("/echo", &body).unwrap();
        assert_eq!((answer.status, &answer.json()["length"]), (200, &json!(size)), "{answer:?}");
    }
}

/// Customers of all kinds, with pauses: the examples answer at once, and the machine is small.
fn customers(site: &Site) -> Plan {
    let pause = Duration::from_millis(15);
    let post = |name: &str| {
        let kind = RequestKind::post("/echo", 0..=20_000);
        Stream::new(name, 2, kind).verified_by(Verify::Sha256).every(pause)
    };
    Plan::new(site.address(), Duration::from_secs(120))
        .versioned_by(VersionFrom::JsonField("pid".into()))
        .with(Stream::new("kept", 6, RequestKind::get("/")).every(pause))
        .with(Stream::new("anew", 4, RequestKind::get("/")).every(pause).connecting_anew())
        .with(post("kept, POST"))
        .with(post("anew, POST").connecting_anew())
        .with(Stream::new("slow answers", 2, RequestKind::get("/slow?ms=300")))
}

/// Reloads under load; the bake time of the example's own file is ended by `promote`.
fn reload_without_loss(site: &Arc<Site>, name: &str) {
    let before = instance_processes(site);
    let load = begin(customers(site));
    let capacity = CapacityWatch::begin(site, name);
    let reload = site.begin(&["reload", name]);
    site.wait_until(name, "all traffic on the new instances", |app| {
        app.rollout.as_ref().is_some_and(|r| matches!(r.phase, RolloutPhase::Baking { .. }))
    });
    let _ = site.gapless(&["promote", name]).succeeds().says("promoted");
    let _ = reload.wait().succeeds().says("r1 → r2").says(" 0 lost");
    capacity.never_below(2);
    nothing_lost(load);
    let now = instance_processes(site);
    assert!(before.iter().all(|pid| !now.contains(pid)), "of {before:?} some are left in {now:?}");
    let instances = site.instances(name);
    assert!(instances.iter().all(|i| i.state == "ready" && i.restarts == 0 && i.release.0 == 2));
}

/// Stops the app, and sees that nobody of it is left: workers, shells, `npm`.
fn stop_without_a_trace(site: &Site, name: &str, at_least: usize) {
    let running = instance_processes(site);
    assert!(running.len() >= at_least, "only {running:?}");
    let _ = site.gapless(&["stop", name]).succeeds();
    assert_eq!(instance_processes(site), [] as [u32; 0], "they outlived `gapless stop {name}`");
}

/// A Node app on a port that is written into its code.
///
/// `processes` is what one instance consists of at least.
fn node(name: &str, port: u16, processes: usize) {
    let site = up(name, "");
    for instance in site.instances(name) {
        assert!(instance.address.as_deref().is_some_and(|a| a.starts_with("unix:")), "{instance:?}");
    }
    assert_eq!(look(&site, name)["address"]["port"], port);
    assert_eq!(tcp_ports(&site, name), [] as [u16; 0], "port {port} could not be opened twice");
    bodies_arrive(&site);
    reload_without_loss(&site, name);
    assert_eq!(look(&site, name)["address"]["port"], port);
    stop_without_a_trace(&site, name, 2 * processes);
}

#[test]
fn bare_http() {
    node("bare-http", 3000, 1);
}

#[test]
fn fastify() {
    node("fastify", 3002, 1);
}

#[test]
fn esm() {
    node("esm", 3003, 1);
}

#[test]
fn npm_start() {
    node("npm-start", 3004, 2);
}

#[test]
fn cluster() {
    node("cluster", 3005, 3);
}

#[test]
fn express_with_a_second_port() {
    let metrics = gapless_e2e::free_address();
    let site = up("express", &format!("env = {{ METRICS_PORT = \"{}\" }}\n", metrics.port()));
    let said = look(&site, "express");
    assert_eq!(said["address"]["port"], 3001);
    // It is the app's own: on the port that it asked for, so one of two instances has it.
    assert_eq!(tcp_ports(&site, "express"), [metrics.port()]);
    let counted = Customer::of(metrics).get("/").unwrap();
    assert!(counted.body.starts_with("requests_total "), "{counted:?}");
    let logs = site.gapless(&["logs", "express", "--err"]).succeeds();
    let _ = logs.says("no metrics from this instance: listen EADDRINUSE");
    bodies_arrive(&site);
    reload_without_loss(&site, "express");
    stop_without_a_trace(&site, "express", 2);
}

#[test]
fn python() {
    let site = up("python", "");
    let instances = site.instances("python");
    let mut told: Vec<u16> = instances
        .iter()
        .map(|i| i.address.as_deref().unwrap().parse::<SocketAddr>().unwrap().port())
        .collect();
    told.sort_unstable();
    let mut opened = tcp_ports(&site, "python");
    opened.sort_unstable();
    assert_eq!(opened, told, "each listens on the port that it was told, on no other");
    let said = look(&site, "python");
    assert_eq!(said["address"][0], "127.0.0.1");
    assert!(told.contains(&u16::try_from(said["address"][1].as_u64().unwrap()).unwrap()), "{said}");
    bodies_arrive(&site);
    reload_without_loss(&site, "python");
    stop_without_a_trace(&site, "python", 2);
}

/// Everything that a Node app can see of a request and of itself.
const MIRROR: &str = "
const server = require('node:http').createServer((req, res) => res.end(JSON.stringify({
  client: [req.socket.remoteAddress, req.socket.remotePort],
  headers: req.headers,
  raw: req.rawHeaders.map((word) => word.toLowerCase()),
  address: server.address(),
  port: process.env.PORT,
})));
server.listen(3000);
";

#[test]
fn an_app_sees_who_asks_and_nothing_of_us() {
    let site = Site::new();
    site.write("mirror.js", MIRROR);
    let address = site.address().to_string();
    let _ = site
        .gapless(&["start", "mirror.js", "--port", "3000", "--listen", &address, "-i", "2"])
        .succeeds()
        .says("mirror");
    let customer = Customer::of(site.address()).from(CUSTOMER);
    let sees = |answer: &Answer| answer.json();

    let answer = customer.get("/").unwrap();
    let seen = sees(&answer);
    assert_eq!(seen["client"], json!([CUSTOMER, answer.from.port()]));
    assert_eq!(seen["address"]["port"], 3000);
    assert_eq!(seen["port"], "3000", "PORT is what the app asks for anyway");
    assert_eq!(seen["headers"]["x-forwarded-for"], CUSTOMER);
    assert_eq!(seen["headers"]["x-forwarded-proto"], "http");
    assert_eq!(seen["headers"]["x-forwarded-host"], address);
    assert_eq!(seen["headers"]["host"], address);
    assert_eq!(seen["headers"]["x-request-id"], answer.headers["x-request-id"]);
    assert!(!seen["raw"].to_string().contains("gapless"), "{seen}");

    // A stranger cannot say who he is; a proxy before us can, and we add who that is.
    let liar =
        customer.clone().header("X-Gapless-Client", "10.0.0.1:1").header("X-Forwarded-For", "192.0.2.1");
    let answer = liar.get("/").unwrap();
    let seen = sees(&answer);
    assert_eq!(seen["client"], json!([CUSTOMER, answer.from.port()]));
    assert_eq!(seen["headers"]["x-forwarded-for"], format!("192.0.2.1, {CUSTOMER}"));

    // Each of two customers on connections of their own to the same two instances is himself.
    for last in 2..12 {
        let ip = format!("127.0.0.{last}");
        let answer = Customer::of(site.address()).from(&ip).get("/").unwrap();
        assert_eq!(sees(&answer)["client"], json!([ip, answer.from.port()]));
    }
}
