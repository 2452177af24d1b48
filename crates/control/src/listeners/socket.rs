//! The sockets themselves.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// How many connections may wait for a worker to accept them (`listen(2)`; the kernel caps it at
/// `net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Whether a socket that somebody has made for us listens, as ours do.
pub(super) fn fit(fd: &OwnedFd) -> io::Result<()> {
    let socket = SockRef::from(fd);
    if !socket.is_listener()? {
        return Err(io::Error::other("it does not listen; a socket unit must not say `Accept=yes`"));
    }
    socket.set_nonblocking(true)
}

/// Where it listens.
pub(super) fn local_address(fd: &OwnedFd) -> io::Result<SocketAddr> {
    TcpListener::from(fd.try_clone()?).local_addr()
}

/// A new one, to which people can connect.
pub(super) fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A new one that has the address; nobody can connect yet.
pub(super) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // Old connections in TIME_WAIT must not keep the address from us; somebody who listens still does.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}
