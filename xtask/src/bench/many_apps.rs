//! What a thousand apps on a thousand hosts cost the proxy: to be told of them, and to tell them apart.
//!
//! The proxy runs by itself; control is played, as a thousand real apps would be measured themselves.

use super::ground::Ground;
use super::process::{self, Pid};
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use super::web::{Server, backend_config};
use super::wrk;
use crate::trouble::Trouble;
use gapless_model::app::{DrainSpec, HoldSpec, RetrySpec};
use gapless_model::balance::BalanceSpec;
use gapless_model::limits::LimitSpec;
use gapless_model::{AccessLog, Address, AppName, ErrorPages, Generation, InstanceId, ReleaseId};
use gapless_routing::frame::{Connection, Receiver, Sender};
use gapless_routing::{AppRouting, Backend, Duty, Listener, Protocol, Route, Snapshot, ToControl, ToProxy};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Apps, each with a host and an instance of its own.
const APPS: u32 = 1000;
/// Snapshots that are timed.
const SNAPSHOTS: usize = 20;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
/// As many as two cores have.
const WORKERS: &str = "2";

/// How long a snapshot takes from sent to applied, and how much more a request costs among a thousand hosts.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let place = tempfile::Builder::new().prefix("gm-").tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let socket = place.path().join("backend");
    let _backend = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        backend_config(directory, &format!("{address}; listen unix:{}", socket.display()))
    })?;
    let mut proxies = Vec::new();
    for _ in 0..3 {
        proxies.push(Proxy::start(&ground.gapless)?);
    }
    let [one, hosts, apps] = proxies.as_mut_slice() else { return Ok(Vec::new()) };
    let mut took = Vec::new();
    for _ in 0..SNAPSHOTS {
        took.push(apps.route(APPS, APPS, &socket)?);
    }
    hosts.route(APPS, 1, &socket)?;
    one.route(1, 1, &socket)?;

    let (all_hosts, one_host) = (script(place.path(), APPS)?, script(place.path(), 1)?);
    let (mut lookup, mut more) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let plain = one.cost(&one_host)?;
        lookup.push(hosts.cost(&all_hosts)? - plain);
        more.push(apps.cost(&all_hosts)? - plain);
    }
    Ok(vec![
        Row::new(
            "1000 apps: a snapshot, from its last byte sent to applied",
            Unit::Milliseconds,
            median(took),
        )
        .at_most(50.0),
        Row::new("1000 hosts of one app: more CPU per request", Unit::Microseconds, median(lookup))
            .at_most(1.0),
        Row::new("1000 hosts of 1000 apps: more CPU per request", Unit::Microseconds, median(more)),
    ])
}

/// A proxy, and the link to it.
struct Proxy {
    child: Child,
    _home: TempDir,
    runtime: Runtime,
    receiver: Receiver<ToControl>,
    sender: Sender<ToProxy>,
    listener: TcpListener,
    address: SocketAddr,
    generation: u64,
}

impl Proxy {
    fn start(binary: &Path) -> Result<Self, Trouble> {
        let failed =
            |what: &str, error: &dyn std::fmt::Display| Trouble::Bench { what: format!("{what}: {error}") };
        let home = tempfile::Builder::new().prefix("gm-").tempdir().map_err(|source| Trouble::File {
            verb: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed("cannot start a runtime", &error))?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| failed("cannot listen", &error))?;
        let address = listener.local_addr().map_err(|error| failed("cannot listen", &error))?;
        let child = Command::new(binary)
            .args(["internal", "proxy", "--workers", WORKERS, "--home"])
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Trouble::Spawn { command: "gapless internal proxy".into(), source })?;
        let path = home.path().join("proxy.sock");
        let connect = || runtime.block_on(Connection::connect(&path)).ok();
        let found = until("the proxy's socket", Duration::from_secs(10), Duration::from_millis(5), connect);
        let (_, connection) = found?;
        let (receiver, sender) = runtime.block_on(async { connection.split() });
        Ok(Self { child, _home: home, runtime, receiver, sender, listener, address, generation: 0 })
    }

    /// Routes so many hosts to so many apps. How long that took in milliseconds, control's own work left out.
    fn route(&mut self, hosts: u32, apps: u32, backend: &Path) -> Result<f64, Trouble> {
        self.generation += 1;
        let mut snapshot = snapshot(Generation(self.generation), self.address, hosts, apps, backend);
        let first = self.generation == 1;
        if first {
            snapshot.listeners[0].descriptor = Some(0);
        }
        let Self { runtime, receiver, sender, listener, generation, .. } = self;
        runtime.block_on(async {
            let descriptors = if first { vec![listener.as_fd()] } else { Vec::new() };
            let told = sender.send(&ToProxy::Apply(snapshot), &descriptors).await;
            told.map_err(|error| Trouble::Bench { what: error.to_string() })?;
            let began = Instant::now();
            loop {
                match receiver.recv().await {
                    Ok(Some((ToControl::Applied { generation: Generation(new), .. }, _)))
                        if new == *generation =>
                    {
                        return Ok(millis(began.elapsed()));
                    }
                    Ok(Some((ToControl::Refused { message, .. }, _))) => {
                        return Err(Trouble::Bench {
                            what: format!("the proxy refused a snapshot: {message}"),
                        });
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return Err(Trouble::Bench { what: "the proxy has gone".into() }),
                }
            }
        })
    }

    /// Microseconds of CPU per request.
    fn cost(&self, script: &Path) -> Result<f64, Trouble> {
        let pid: Pid = self.child.id();
        let before = process::cpu(pid);
        let answered = wrk::drive_by(self.address, ROUND, script)?;
        Ok((process::cpu(pid) - before).as_secs_f64() * 1e6 / answered as f64)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        process::signal(self.child.id(), Signal::KILL);
        // It was killed just now: nothing to learn from how it ended.
        let _ = self.child.wait();
    }
}

fn snapshot(generation: Generation, address: SocketAddr, hosts: u32, apps: u32, backend: &Path) -> Snapshot {
    let name = |number: u32| format!("app-{}", number % apps).parse::<AppName>().ok();
    let route = |number| {
        Some(Route {
            listener: address,
            host: host(number).parse().ok(),
            path: "/".into(),
            app: name(number)?,
        })
    };
    let routing = |app: AppName| {
        let backend = Backend {
            instance: InstanceId::new(app.clone(), 1),
            release: ReleaseId(1),
            address: Address::Unix(backend.display().to_string().into()),
            protocol: Default::default(),
            duty: Duty::Serve { weight: 1 },
            retiring: None,
        };
        AppRouting {
            app,
            backends: vec![backend],
            hold: HoldSpec { max_requests: 100, max_bytes: 1 << 20, timeout: Duration::from_secs(10) },
            stopped: false,
            retry: RetrySpec { non_idempotent: false, max_body: 64 * 1024 },
            drain: DrainSpec::default(),
            balance: BalanceSpec::default(),
            limits: LimitSpec::default(),
            error_pages: ErrorPages::default(),
            preview: None,
        }
    };
    Snapshot {
        generation,
        listeners: vec![Listener { address, descriptor: None, protocol: Protocol::Plain }],
        routes: (0..hosts).filter_map(route).collect(),
        apps: (0..apps).filter_map(name).map(routing).collect(),
        access_log: AccessLog::Off,
        trust: gapless_model::trust::Trust::default(),
        error_pages: ErrorPages::default(),
    }
}

fn host(number: u32) -> String {
    format!("customer-{number}.example.com")
}

/// What makes wrk ask these hosts, one after the other. The requests are made before, so that wrk has the same
/// work with one host and with a thousand; and for a thousand connections to instances to be kept, it asks
/// each often.
fn script(place: &Path, hosts: u32) -> Result<std::path::PathBuf, Trouble> {
    let mut text = String::from("local requests = {}\n");
    for number in 0..hosts {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "requests[{}] = \"GET / HTTP/1.1\\r\\nHost: {}\\r\\n\\r\\n\"",
            number + 1,
            host(number)
        );
    }
    text.push_str("local n = 0\nfunction request()\n  n = n % #requests + 1\n  return requests[n]\nend\n");
    let path = place.join(format!("{hosts}.lua"));
    std::fs::write(&path, text).map_err(|source| Trouble::File {
        verb: "write",
        path: path.clone(),
        source,
    })?;
    Ok(path)
}
