//! What a WebSocket on which nothing moves costs the proxy in memory, both of its connections together.

use super::candidate::Candidate;
use super::certificate::{Certificate, HOST};
use super::ground::Ground;
use super::lone_proxy::LoneProxy;
use super::peer_proxy::Speech;
use super::routing::{plain_app, snapshot};
use super::row::{Row, Unit};
use super::until::until;
use super::web::{Server, nginx_config_of};
use crate::step::tool;
use crate::trouble::Trouble;
use gapless_routing::{Protocol, Route};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How many, if a process may have twice as many descriptors.
const SOCKETS: u32 = 10_000;

/// How many within TLS: enough to tell, and soon there.
const TLS_SOCKETS: u32 = 2_000;

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

/// Both ends of what is said.
trait Socket: Read + Write {}

impl<S: Read + Write> Socket for S {}

/// Resident memory for each of ten thousand, or of as many as the system allows; then within TLS.
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
    let certificate = Certificate::new()?;
    Ok(vec![
        row("", count, ground, Speech::Http1, &socket)?,
        row(" within TLS", count.min(TLS_SOCKETS), ground, Speech::Tls(&certificate), &socket)?,
    ])
}

fn row(how: &str, count: u32, ground: &Ground, speech: Speech<'_>, socket: &Path) -> Result<Row, Trouble> {
    let theirs = {
        let nginx = nginx(socket, speech)?;
        for_each(&Candidate::new("nginx", nginx.address, nginx.processes()), count, speech)?
    };
    let mut proxy = LoneProxy::start(&ground.gapless, 1, 1)?;
    if let Speech::Tls(certificate) = speech {
        proxy.certify(certificate.told())?;
    }
    proxy.route(|number, at| {
        let app = "app".parse().ok();
        let route = app.clone().map(|app| Route { listener: at[0], host: None, path: "/".into(), app });
        let app = app.map(|app| plain_app(app, socket));
        let mut snapshot = snapshot(number, at, route.into_iter().collect(), app.into_iter().collect());
        if let Speech::Tls(_) = speech {
            snapshot.listeners[0].protocol = Protocol::Tls { hsts: None };
        }
        snapshot
    })?;
    let ours = for_each(&Candidate::new("Gapless", proxy.addresses[0], vec![proxy.pid()]), count, speech)?;
    let what = format!("{count} idle WebSockets{how}: memory of the proxy for each");
    Ok(Row::new(what, Unit::Kibibytes, ours).at_most(12.0).beside("nginx", theirs))
}

/// KiB for each of so many.
fn for_each(proxy: &Candidate, count: u32, speech: Speech<'_>) -> Result<f64, Trouble> {
    let client = match speech {
        Speech::Tls(certificate) => Some(certificate.client()?),
        Speech::Http1 | Speech::Http2 => None,
    };
    let open = |count| {
        open(proxy.address, count, client.as_ref())
            .map_err(|source| Trouble::Bench { what: format!("WebSockets at {}: {source}", proxy.address) })
    };
    // What the first one needs is no matter of the others.
    let mut sockets = open(1)?;
    let before = proxy.resident();
    while sockets.len() <= count as usize {
        sockets.append(&mut open(BATCH.min(count))?);
    }
    Ok((proxy.resident() - before) * 1024.0 / (sockets.len() - 1) as f64)
}

/// So many more, each through its handshake.
fn open(
    address: SocketAddr,
    count: u32,
    client: Option<&Arc<ClientConfig>>,
) -> io::Result<Vec<Box<dyn Socket>>> {
    let connect = |_| {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut socket: Box<dyn Socket> = match client {
            None => Box::new(socket),
            Some(client) => {
                let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
                let session = ClientConnection::new(Arc::clone(client), name).map_err(io::Error::other)?;
                Box::new(StreamOwned::new(session, socket))
            }
        };
        let ask = format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(ask.as_bytes())?;
        Ok(socket)
    };
    let mut sockets = (0..count).map(connect).collect::<io::Result<Vec<_>>>()?;
    sockets.iter_mut().try_for_each(switched)?;
    Ok(sockets)
}

/// Reads the answer to a handshake.
fn switched(socket: &mut Box<dyn Socket>) -> io::Result<()> {
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
    Ok(())
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

fn nginx(socket: &Path, speech: Speech<'_>) -> Result<Server, Trouble> {
    Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        nginx_config_of(
            directory,
            // It closes those that have not asked yet when a sixteenth of its places is left.
            3 * SOCKETS,
            &format!(
                "server {{ {} location / {{\n  proxy_pass http://unix:{};\n\
                 \x20 proxy_http_version 1.1;\n  proxy_set_header Upgrade $http_upgrade;\n\
                 \x20 proxy_set_header Connection upgrade;\n  proxy_set_header Host $host;\n\
                 \x20 proxy_read_timeout 1h;\n}} }}",
                speech.of_nginx(address),
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
