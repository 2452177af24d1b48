//! What a thousand apps on a thousand hosts cost the proxy: to be told of them, and to tell them apart.
//!
//! The proxy runs by itself, as a thousand real apps would be measured themselves.

use super::candidate::Candidate;
use super::ground::Ground;
use super::lone_proxy::LoneProxy;
use super::routing::{plain_app, snapshot};
use super::row::{Row, Unit, median};
use super::web::{Server, backend_config};
use super::wrk;
use crate::trouble::Trouble;
use gapless_model::{AppName, Generation};
use gapless_routing::{Route, Snapshot};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Apps, each with a host and an instance of its own.
const APPS: u32 = 1000;
/// Snapshots that are timed.
const SNAPSHOTS: usize = 20;
/// Short ones and many: what else the machine does comes and goes.
const ROUNDS: usize = 30;
const ROUND: Duration = Duration::from_secs(1);
/// As many as two cores have.
const WORKERS: u32 = 2;

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
    let mut apps = LoneProxy::start(&ground.gapless, WORKERS, 1)?;
    // Two processes are never equally fast: one host and a thousand are asked of the same one, by listeners.
    let mut hosts = LoneProxy::start(&ground.gapless, WORKERS, 2)?;
    let mut took = Vec::new();
    for _ in 0..SNAPSHOTS {
        took.push(apps.route(|number, at| among(number, &[(at[0], APPS)], APPS, &socket))?);
    }
    hosts.route(|number, at| among(number, &[(at[0], 1), (at[1], APPS)], 1, &socket))?;
    let (one_host, all_hosts) = (script(place.path(), 1)?, script(place.path(), APPS)?);
    let (mut lookup, mut more) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each goes first in half of the rounds.
        let [plain, among_all] = if round % 2 == 0 {
            let plain = cost(&hosts, 0, &one_host)?;
            [plain, cost(&hosts, 1, &all_hosts)?]
        } else {
            let among_all = cost(&hosts, 1, &all_hosts)?;
            [cost(&hosts, 0, &one_host)?, among_all]
        };
        lookup.push(among_all - plain);
        // A difference that is larger needs fewer of them.
        if round % 3 == 0 {
            more.push(cost(&apps, 0, &all_hosts)? - plain);
        }
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

/// Microseconds of CPU per request at one of its listeners.
fn cost(proxy: &LoneProxy, listener: usize, script: &Path) -> Result<f64, Trouble> {
    let candidate = Candidate::new("Gapless", proxy.addresses[listener], vec![proxy.pid()]);
    candidate.cost(|address| wrk::drive_by(address, ROUND, script))
}

/// So many hosts at each listener, by turns of so many apps.
fn among(number: Generation, listeners: &[(SocketAddr, u32)], apps: u32, backend: &Path) -> Snapshot {
    let name = |n: u32| format!("app-{}", n % apps).parse::<AppName>().ok();
    let route =
        |listener, n| Some(Route { listener, host: host(n).parse().ok(), path: "/".into(), app: name(n)? });
    let routes_at = |(listener, hosts): &(SocketAddr, u32)| {
        let listener = *listener;
        (0..*hosts).filter_map(|n| route(listener, n)).collect::<Vec<_>>()
    };
    let routes = listeners.iter().flat_map(routes_at).collect();
    let apps = (0..apps).filter_map(name).map(|app| plain_app(app, backend)).collect();
    let addresses: Vec<_> = listeners.iter().map(|(address, _)| *address).collect();
    snapshot(number, &addresses, routes, apps)
}

fn host(number: u32) -> String {
    format!("customer-{number}.example.com")
}

/// What makes wrk ask so many hosts, one after the other. The requests are made before, and are as many for one
/// host as for a thousand, so that wrk has the same work with both; and for a thousand connections to instances
/// to be kept, it asks each often.
fn script(place: &Path, hosts: u32) -> Result<PathBuf, Trouble> {
    let mut text = String::from("local requests = {}\n");
    for number in 0..APPS {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "requests[{}] = \"GET /{number} HTTP/1.1\\r\\nHost: {}\\r\\n\\r\\n\"",
            number + 1,
            host(number % hosts)
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
