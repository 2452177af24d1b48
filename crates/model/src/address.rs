//! Where an instance can be reached.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// The private address of one instance: nobody else answers there, so a probe reaches whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A Unix stream socket, by its absolute path (at most 107 bytes, `unix(7)`).
    Unix(Utf8PathBuf),
    /// A TCP port on the loopback interface.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(at) => at.fmt(f),
        }
    }
}

/// How an instance is told where to listen.
///
/// The instance is always offered both ways (the socket through the preload or `{socket}`, the port through
/// `PORT` or `{port}`); the mode says which of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressMode {
    /// Whichever of the two the app opens first.
    #[default]
    Auto,
    /// The Unix socket in `GAPLESS_SOCKET`: by `{socket}` in the command, by the app reading the variable,
    /// or by the Node preload.
    Socket,
    /// The loopback port in `PORT`.
    Port,
    /// None: a worker that serves no requests.
    None,
}
