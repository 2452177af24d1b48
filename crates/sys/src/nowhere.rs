//! Binding a listening socket to a network interface that there is not: nothing that comes to the machine is for it any
//! more, so the kernel refuses new connections as if nobody listened. Who is in its queue, or half way to it, stays.
//!
//! It takes no rights (Linux 5.7 and later). Taking it back takes `CAP_NET_RAW`.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// No interface has the highest number: they are counted from 1.
const NOWHERE: c_int = c_int::MAX;

/// Binds it there, on all copies of it (`SO_BINDTOIFINDEX`, `socket(7)`).
///
/// # Errors
/// `EPERM` if it is bound to an interface and this process has no `CAP_NET_RAW`, `ENOPROTOOPT` before Linux 5.1.
pub fn bind(socket: impl AsFd) -> io::Result<()> {
    to(socket, NOWHERE)
}

/// Takes that back, if it is so.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW`: it stays out of reach.
pub fn unbind(socket: impl AsFd) -> io::Result<()> {
    if is_bound(&socket) { to(socket, 0) } else { Ok(()) }
}

fn is_bound(socket: impl AsFd) -> bool {
    let mut interface: c_int = 0;
    let mut size = SIZE;
    #[expect(unsafe_code, reason = "neither the standard library nor rustix has it")]
    // SAFETY: the descriptor is borrowed, so it is open; the kernel writes at most `size` bytes to `interface`, which
    // is as large, and the size to `size`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTOIFINDEX,
            (&raw mut interface).cast(),
            &raw mut size,
        )
    };
    result == 0 && interface == NOWHERE
}

fn to(socket: impl AsFd, interface: c_int) -> io::Result<()> {
    #[expect(unsafe_code, reason = "neither the standard library nor rustix has it")]
    // SAFETY: the descriptor is borrowed, so it is open; the kernel reads one int, to which the pointer points.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTOIFINDEX,
            (&raw const interface).cast(),
            SIZE,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[expect(clippy::cast_possible_truncation, reason = "it is four")]
const SIZE: libc::socklen_t = size_of::<c_int>() as libc::socklen_t;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn nobody_comes_to_it_and_who_has_come_stays() {
        for at in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(at) else {
                assert_eq!(at, "[::]:0", "only IPv6 may be missing");
                continue;
            };
            let at = ("127.0.0.1", listener.local_addr().unwrap().port());
            let mut client = TcpStream::connect(at).unwrap();
            client.write_all(b"x").unwrap();
            unbind(&listener).unwrap();
            bind(&listener).unwrap();
            assert_eq!(TcpStream::connect(at).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            let (mut queued, _) = listener.accept().unwrap();
            assert_eq!(queued.peer_addr().unwrap().port(), client.local_addr().unwrap().port());
            queued.read_exact(&mut [0]).unwrap();
            match unbind(&listener) {
                Ok(()) => drop(TcpStream::connect(at).unwrap()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
            }
        }
    }

    #[test]
    fn only_what_was_bound_there_is_taken_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        to(&listener, 1).unwrap();
        unbind(&listener).unwrap();
        assert_eq!(to(&listener, 1).is_ok(), bind(&listener).is_ok());
    }
}
