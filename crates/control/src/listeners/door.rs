//! Letting nobody connect any more, while those who have connected are served.

use gapless_sys::nowhere;
use socket2::{SockFilter, SockRef};
use std::io;
use std::os::fd::OwnedFd;

/// Has the kernel drop what comes to a listening socket (`SO_ATTACH_FILTER`, `socket(7)`), on all copies of it. To a
/// client that is a packet lost: it sends another, and is refused if nobody listens by then. Newer kernels let nobody
/// do that without `CAP_NET_ADMIN` (Linux commit 5d39580f68e6): there clients are refused at once, which may be for
/// good.
pub(super) fn shut(socket: &OwnedFd) -> io::Result<()> {
    /// `BPF_RET | BPF_K`: so many bytes of each packet are let in.
    const RETURN: u16 = 0x06;
    match SockRef::from(socket).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)]) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => nowhere::bind(socket),
        dropped => dropped,
    }
}

/// Takes that back: whoever wanted it may have died before the end.
///
/// # Errors
/// It cannot be taken back by us: nobody will ever connect to this socket.
pub(super) fn open(socket: &OwnedFd) -> io::Result<()> {
    // There is none to be taken off, mostly.
    let _ = SockRef::from(socket).detach_filter();
    nowhere::unbind(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    #[test]
    fn nobody_gets_in_by_a_door_that_is_shut_until_it_is_opened() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = OwnedFd::from(listener);
        let inside = TcpStream::connect(address).unwrap();
        shut(&socket).unwrap();
        let soon = Duration::from_millis(50);
        let kind = TcpStream::connect_timeout(&address, soon).unwrap_err().kind();
        let for_good = kind == io::ErrorKind::ConnectionRefused && open(&socket).is_err();
        if !for_good {
            assert!(matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::ConnectionRefused), "{kind}");
            open(&socket).unwrap();
            TcpStream::connect(address).unwrap();
        }
        let (queued, _) = TcpListener::from(socket.try_clone().unwrap()).accept().unwrap();
        assert_eq!(queued.peer_addr().unwrap(), inside.local_addr().unwrap(), "who was in the queue stays");
    }
}
