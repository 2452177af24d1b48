//! Who may speak to the control socket: its owner and root, by the kernel's word (`SO_PEERCRED`, `unix(7)`).

use axum::serve::Listener;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

/// Accepts connections of our own user and of root, and hangs up on others.
pub(super) struct Checked(pub(super) UnixListener);

impl Listener for Checked {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    if stream.peer_cred().is_ok_and(|peer| may_command(peer.uid())) {
                        return (stream, address);
                    }
                    tracing::warn!("somebody else's process was refused on the control socket");
                }
                Err(error) => {
                    // Out of descriptors, most likely: some come free.
                    tracing::error!("cannot accept on the control socket: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn may_command(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}
