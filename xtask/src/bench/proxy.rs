//! What a request costs on its way through the proxy.
//!
//! The backend is nginx for all; ours is reached by its Unix socket as our users have it, theirs by TCP as
//! theirs have it. nginx with a Unix socket is shown too, to tell the two parts apart.

use super::gapless::Gapless;
use super::ground::Ground;
use super::pace;
use super::peer_proxy;
use super::process::{self, Pid};
use super::row::{Row, Unit, median};
use super::until::until;
use super::web::{Server, backend_config, free_address};
use super::wrk;
use crate::trouble::Trouble;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// A proxy under measurement.
struct Candidate {
    name: &'static str,
    address: SocketAddr,
    processes: Vec<Pid>,
    /// Microseconds of CPU per request, one per round.
    cpu: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Candidate {
    fn new(name: &'static str, address: SocketAddr, processes: Vec<Pid>) -> Self {
        Self { name, address, processes, cpu: Vec::new(), p50: Vec::new(), p99: Vec::new() }
    }

    fn used(&self) -> Duration {
        self.processes.iter().copied().map(process::cpu).sum()
    }

    fn round(&mut self) -> Result<(), Trouble> {
        let before = self.used();
        let answered = wrk::drive(self.address, ROUND)?;
        self.cpu.push((self.used() - before).as_secs_f64() * 1e6 / answered as f64);
        let latency = pace::drive(self.address, ROUND)?;
        self.p50.push(latency.p50);
        self.p99.push(latency.p99);
        Ok(())
    }
}

/// CPU per request when saturated, and latency at a fixed rate; rounds interleaved, the middle one counts.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let by_tcp = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        backend_config(directory, &address.to_string())
    })?;
    let socket = tempfile::tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let socket = format!("unix:{}/backend", socket.path().display());
    let _by_socket = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        let both = format!("{address}; listen {socket}");
        backend_config(directory, &both)
    })?;
    let nginx = peer_proxy::nginx(&by_tcp.address.to_string())?;
    let nginx_by_socket = peer_proxy::nginx(&socket)?;
    let haproxy = peer_proxy::haproxy(by_tcp.address)?;
    let gapless = Gapless::new(&ground.gapless)?;
    let front = free_address()?;
    start_ours(&gapless, front)?;

    let mut candidates = [
        Candidate::new("Gapless", front, vec![gapless.pid("proxy_pid")?]),
        Candidate::new("nginx", nginx.address, nginx.processes()),
        Candidate::new("HAProxy", haproxy.address, haproxy.processes()),
        Candidate::new("nginx, Unix socket", nginx_by_socket.address, nginx_by_socket.processes()),
    ];
    for _ in 0..ROUNDS {
        candidates.iter_mut().try_for_each(Candidate::round)?;
    }
    Ok(vec![
        row("CPU of the proxy per request", &candidates, |one| &one.cpu).no_more_than_others(),
        row("latency at 2000 requests/s, median", &candidates, |one| &one.p50),
        row("latency at 2000 requests/s, 99th percentile", &candidates, |one| &one.p99).no_more_than_others(),
    ])
}

/// Ours with one worker, before an nginx that it runs itself.
fn start_ours(gapless: &Gapless, front: SocketAddr) -> Result<(), Trouble> {
    let template = backend_config(Path::new("@DIR@"), "unix:@SOCKET@");
    let template = gapless.put("backend.template", &template)?;
    let directory = template.parent().unwrap_or(Path::new(".")).display().to_string();
    let fill = format!("s,@SOCKET@,'$GAPLESS_SOCKET',;s,@DIR@,{directory},");
    let config = format!(
        "[proxy]\nworkers = 1\naccess_log = false\n\n[apps.backend]\n\
         command = \"sed '{fill}' backend.template > backend.conf; exec nginx -e stderr -c {directory}/backend.conf\"\n\
         shell = true\n\n[[apps.backend.routes]]\nlisten = \"{front}\"\n"
    );
    gapless.up(&config)?;
    until("the proxy answers", Duration::from_secs(10), Duration::from_millis(5), || {
        TcpStream::connect(front).ok()
    })?;
    Ok(())
}

fn row(what: &str, candidates: &[Candidate], figures: impl Fn(&Candidate) -> &Vec<f64>) -> Row {
    let [ours, others @ ..] = candidates else { return Row::new(what, Unit::Microseconds, f64::NAN) };
    let row = Row::new(what, Unit::Microseconds, median(figures(ours).clone()));
    others.iter().fold(row, |row, other| row.beside(other.name, median(figures(other).clone())))
}
