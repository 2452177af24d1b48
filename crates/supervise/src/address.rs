//! Connecting to an instance.

use gapless_model::Address;
use gapless_sys::pinned::Pinned;
use std::io;
use tokio::net::{TcpStream, UnixStream};

/// A connection to an instance.
#[derive(Debug)]
pub(crate) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unreachable {
    /// Nobody listens there.
    NotListening,
    /// Anything else.
    Error(io::Error),
}

/// Connects to `address`.
pub(crate) async fn connect(address: &Address) -> Result<Connection, Unreachable> {
    let connected = match address {
        Address::Unix(path) => match Pinned::at(path.as_std_path()) {
            Ok(pinned) => UnixStream::connect(pinned.path()).await.map(Connection::Unix),
            Err(error) => Err(error),
        },
        Address::Tcp(at) => TcpStream::connect(at).await.map(Connection::Tcp),
    };
    connected.map_err(|error| match error.kind() {
        // No such file, a file nobody is bound to, a closed port, no such address (a machine without IPv6).
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::AddrNotAvailable => {
            Unreachable::NotListening
        }
        _ => Unreachable::Error(error),
    })
}
