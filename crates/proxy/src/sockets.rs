//! The public listening sockets, as the main thread keeps them for the workers.

use gapless_routing::Snapshot;
use rustix::net::sockopt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// How long a client may be silent before it is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(60);

/// The sockets by their address.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sockets(BTreeMap<SocketAddr, Arc<OwnedFd>>);

/// Why a snapshot's listeners cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadListener {
    #[error("listener {0}: no socket came with the snapshot, and the proxy has none")]
    Missing(SocketAddr),
    #[error("listener {address}: descriptor {index} was not sent")]
    NotSent { address: SocketAddr, index: usize },
    #[error("listener {address}: the descriptor is no socket that can be listened on: {source}")]
    Unusable { address: SocketAddr, source: std::io::Error },
}

impl Sockets {
    /// The sockets that a snapshot wants: those that came with it, and those that are there.
    ///
    /// # Errors
    /// When one is neither here nor there, or is no listening socket; then nothing has changed.
    pub(crate) fn wanted_by(&self, snapshot: &Snapshot, sent: Vec<OwnedFd>) -> Result<Self, BadListener> {
        let mut sent: Vec<_> = sent.into_iter().map(Some).collect();
        let mut sockets = BTreeMap::new();
        for listener in &snapshot.listeners {
            let address = listener.address;
            let here = self.0.get(&address).map(Arc::clone);
            let came = match listener.descriptor {
                None => None,
                Some(index) => {
                    let socket = sent.get_mut(index).and_then(Option::take);
                    Some(socket.ok_or(BadListener::NotSent { address, index })?)
                }
            };
            let socket = match (came, here) {
                // Sent again by a control that does not know what we have.
                (Some(came), Some(here)) if is_same(&came, &here) => here,
                (Some(came), _) => {
                    prepare(&came).map_err(|source| BadListener::Unusable { address, source })?;
                    Arc::new(came)
                }
                (None, Some(here)) => here,
                (None, None) => return Err(BadListener::Missing(address)),
            };
            sockets.insert(address, socket);
        }
        Ok(Self(sockets))
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<(SocketAddr, Arc<OwnedFd>)> {
        self.0.iter().map(|(address, socket)| (*address, Arc::clone(socket))).collect()
    }

    /// Their addresses.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.keys().copied().collect()
    }
}

/// Whether two descriptors are of one socket.
fn is_same(a: &OwnedFd, b: &OwnedFd) -> bool {
    match (rustix::fs::fstat(a), rustix::fs::fstat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}

/// Makes sure that it listens. Accepted connections inherit (`tcp(7)`) that they do not wait to fill a packet,
/// and that the kernel asks silent clients for a sign of life: one whose machine has vanished says no end.
/// Inherited, it costs no call for each.
fn prepare(socket: &OwnedFd) -> std::io::Result<()> {
    if !sockopt::socket_acceptconn(socket)? {
        return Err(std::io::Error::other("it does not listen"));
    }
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, SILENCE)?;
    sockopt::set_tcp_keepintvl(socket, SILENCE / 4)?;
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(())
}
