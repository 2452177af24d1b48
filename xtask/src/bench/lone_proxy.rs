//! Our proxy by itself; control is played.

use super::process::{self, Pid};
use super::until::{millis, until};
use crate::trouble::Trouble;
use gapless_model::Generation;
use gapless_routing::frame::{Connection, Receiver, Sender};
use gapless_routing::socket::socket;
use gapless_routing::{Certificates, Snapshot, ToControl, ToProxy};
use rustix::process::Signal;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A proxy, and the link to it.
pub(crate) struct LoneProxy {
    child: Child,
    _home: TempDir,
    runtime: Runtime,
    receiver: Receiver<ToControl>,
    sender: Sender<ToProxy>,
    listeners: Vec<TcpListener>,
    /// Where it answers once it was told to route.
    pub(crate) addresses: Vec<SocketAddr>,
    generation: u64,
}

impl LoneProxy {
    /// One of so many workers and so many listeners that routes nothing yet.
    pub(crate) fn start(binary: &Path, workers: u32, listeners: usize) -> Result<Self, Trouble> {
        let failed =
            |what: &str, error: &dyn std::fmt::Display| Trouble::Bench { what: format!("{what}: {error}") };
        let home = tempfile::Builder::new().prefix("gm-").tempdir().map_err(|source| Trouble::File {
            verb: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed("cannot start a runtime", &error))?;
        let listen = |_| TcpListener::bind("127.0.0.1:0");
        let listeners = (0..listeners).map(listen).collect::<io::Result<Vec<_>>>();
        let listeners = listeners.map_err(|error| failed("cannot listen", &error))?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
        let addresses = addresses.map_err(|error| failed("cannot listen", &error))?;
        let child = Command::new(binary)
            .args(["internal", "proxy", "--workers", &workers.to_string(), "--home"])
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Trouble::Spawn { command: "gapless internal proxy".into(), source })?;
        let path = socket(home.path(), child.id());
        let connect = || runtime.block_on(Connection::connect(&path)).ok();
        let found = until("the proxy's socket", Duration::from_secs(10), Duration::from_millis(5), connect);
        let (_, connection) = found?;
        let (receiver, sender) = runtime.block_on(async { connection.split() });
        Ok(Self { child, _home: home, runtime, receiver, sender, listeners, addresses, generation: 0 })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.child.id()
    }

    /// Has it speak TLS by these from here on.
    pub(crate) fn certify(&mut self, certificates: Certificates) -> Result<(), Trouble> {
        let told = self.runtime.block_on(self.sender.send(&ToProxy::Certificates(certificates), &[]));
        told.map_err(|error| Trouble::Bench { what: error.to_string() })
    }

    /// Has it route by the snapshot that `make` makes for its addresses. How long it took from the last byte sent
    /// to applied, in milliseconds.
    pub(crate) fn route(
        &mut self,
        make: impl FnOnce(Generation, &[SocketAddr]) -> Snapshot,
    ) -> Result<f64, Trouble> {
        self.generation += 1;
        let mut snapshot = make(Generation(self.generation), &self.addresses);
        let first = self.generation == 1;
        if first {
            for (n, listener) in snapshot.listeners.iter_mut().enumerate() {
                listener.descriptor = Some(n);
            }
        }
        let Self { runtime, receiver, sender, listeners, generation, .. } = self;
        runtime.block_on(async {
            let descriptors = if first { listeners.iter().map(AsFd::as_fd).collect() } else { Vec::new() };
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
}

impl Drop for LoneProxy {
    fn drop(&mut self) {
        process::signal(self.child.id(), Signal::KILL);
        // It was killed just now: nothing to learn from how it ended.
        let _ = self.child.wait();
    }
}
