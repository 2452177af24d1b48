//! What a socket's peer has not taken yet.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Bytes that were written to a TCP socket and that its peer has not acknowledged (`SIOCOUTQ`, `tcp(7)`). A peer
/// that reads nothing has no room, and acknowledges nothing.
///
/// # Errors
/// `EINVAL` for a socket that listens, `ENOTTY` for what is none.
pub fn unsent(socket: impl AsFd) -> io::Result<u32> {
    let mut bytes: c_int = 0;
    #[expect(unsafe_code, reason = "neither the standard library nor rustix has it")]
    // SAFETY: the descriptor is borrowed, so it is open; SIOCOUTQ, which Linux gives the number of TIOCOUTQ, writes
    // one int, to which the pointer points.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(bytes.unsigned_abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    #[test]
    fn it_is_what_the_peer_has_no_room_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert_eq!(unsent(&server).unwrap(), 0);
        server.set_nonblocking(true).unwrap();
        while server.write(&[0; 65_536]).is_ok() {}
        let full = unsent(&server).unwrap();
        assert!(full > 0);
        let deadline = Instant::now() + Duration::from_secs(10);
        while unsent(&server).unwrap() >= full {
            assert!(Instant::now() < deadline);
            assert!(client.read(&mut [0; 65_536]).unwrap() > 0);
        }
        assert!(unsent(&listener).is_err());
    }
}
