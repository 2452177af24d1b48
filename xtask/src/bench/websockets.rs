//! What a WebSocket on which nothing moves costs the proxy in memory, both of its connections together.

use super::candidate::Candidate;
use super::ground::Ground;
use super::lone_proxy::LoneProxy;
use super::routing::{plain_app, snapshot};
use super::row::{Row, Unit};
use super::until::until;
use super::web::{Server, nginx_config_of};
use crate::step::tool;
use crate::trouble::Trouble;
use gapless_routing::Route;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// How many, if a process may have twice as many descriptors.
const SOCKETS: u32 = 10_000;

/// Descriptors for everything else.
const OTHERS: u64 = 128;

/// Asked at a time: fewer than a backlog holds.
const BATCH: u32 = 50;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server that switches to WebSocket, and leaves it at that.
const SERVER: &str = "require('node:net').createServer((socket) => {\n\
    \x20 socket.on('error', () => {});\n\
    \x20 socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\n' +\n\
    \x20   'Connection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n'));\n\
    }).listen(process.argv[2]);\n";

/// Resident memory for each of ten thousand, or of as many as the system allows.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let most = raise_limit()?;
    let count = u32::try_from(most.saturating_sub(OTHERS) / 2).unwrap_or(SOCKETS).min(SOCKETS);
    let place = tempfile::Builder::new().prefix("gs-").tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let socket = place.path().join("backend");
    let _backend = Backend::start(place.path(), &socket)?;
    let nginx = nginx(&socket)?;
    let theirs = Candidate::new("nginx", nginx.address, nginx.processes());
    let mut proxy = LoneProxy::start(&ground.gapless, 1)?;
    proxy.route(|number, at| {
        let app = "app".parse().ok();
        let route = app.clone().map(|app| Route { listener: at, host: None, path: "/".into(), app });
        let app = app.map(|app| plain_app(app, &socket));
        snapshot(number, at, route.into_iter().collect(), app.into_iter().collect())
    })?;
    let ours = Candidate::new("Gapless", proxy.address, vec![proxy.pid()]);
    let row = Row::new(
        format!("{count} idle WebSockets: memory of the proxy for each"),
        Unit::Kibibytes,
        for_each(&ours, count)?,
    );
    Ok(vec![row.at_most(12.0).beside("nginx", for_each(&theirs, count)?)])
}

/// KiB for each of so many.
fn for_each(proxy: &Candidate, count: u32) -> Result<f64, Trouble> {
    let failed = |source| Trouble::Bench { what: format!("WebSockets at {}: {source}", proxy.address) };
    // What the first one needs is no matter of the others.
    let mut sockets = open(proxy.address, 1).map_err(failed)?;
    let before = proxy.resident();
    while sockets.len() <= count as usize {
        sockets.append(&mut open(proxy.address, BATCH).map_err(failed)?);
    }
    Ok((proxy.resident() - before) * 1024.0 / (sockets.len() - 1) as f64)
}

/// So many more, each through its handshake.
fn open(address: SocketAddr, count: u32) -> io::Result<Vec<TcpStream>> {
    let connect = |_| {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let ask = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(ask.as_bytes())?;
        Ok(socket)
    };
    let mut sockets = (0..count).map(connect).collect::<io::Result<Vec<_>>>()?;
    for socket in &mut sockets {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut part = [0; 1024];
            let read = socket.read(&mut part)?;
            head.extend_from_slice(&part[..read]);
            if read == 0 || head.len() > 8192 {
                return Err(io::Error::other("no answer"));
            }
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other(format!("no 101: {}", String::from_utf8_lossy(&head))));
        }
    }
    Ok(sockets)
}

/// As many descriptors as the system allows, for us and for who is started by us. How many.
fn raise_limit() -> Result<u64, Trouble> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    raised.map_err(|source| Trouble::Bench {
        what: format!("cannot raise the limit of open files: {source}"),
    })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

fn nginx(socket: &Path) -> Result<Server, Trouble> {
    Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        nginx_config_of(
            directory,
            // It closes those that have not asked yet when a sixteenth of its places is left.
            3 * SOCKETS,
            &format!(
                "server {{ listen {address}; location / {{\n  proxy_pass http://unix:{};\n\
                 \x20 proxy_http_version 1.1;\n  proxy_set_header Upgrade $http_upgrade;\n\
                 \x20 proxy_set_header Connection upgrade;\n  proxy_set_header Host $host;\n\
                 \x20 proxy_read_timeout 1h;\n}} }}",
                socket.display()
            ),
        )
    })
}

/// What is behind the proxies.
struct Backend(Child);

impl Backend {
    fn start(place: &Path, socket: &Path) -> Result<Self, Trouble> {
        let script = place.join("server.cjs");
        let unwritable = |source| Trouble::File { verb: "write", path: script.clone(), source };
        std::fs::write(&script, SERVER).map_err(unwritable)?;
        let mut node = tool("node", []);
        node.arg(&script).arg(socket).stdout(Stdio::null());
        let started =
            node.spawn().map_err(|source| Trouble::Spawn { command: "node server.cjs".into(), source })?;
        let backend = Self(started);
        until("the server's socket", PATIENCE, Duration::from_millis(5), || socket.exists().then_some(()))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(socket, mode).map_err(|source| Trouble::File {
            verb: "open to all",
            path: socket.to_owned(),
            source,
        })?;
        Ok(backend)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        super::process::signal(self.0.id(), Signal::KILL);
        // It was killed just now: nothing to learn from how it ended.
        let _ = self.0.wait();
    }
}
