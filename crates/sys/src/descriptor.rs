//! Open descriptors sent through Unix sockets (`SCM_RIGHTS`, `unix(7)`).

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The most descriptors that one message carries (`SCM_MAX_FD`).
pub const MAX: usize = 253;

/// Sends `bytes` with `descriptors` in one message; the other side gets copies. Answers how many bytes were
/// taken: on a stream socket it may be fewer than all, and the descriptors went with the first of them.
///
/// # Errors
/// More than [`MAX`] descriptors, none of `bytes`, or as `sendmsg(2)`.
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one message"));
    }
    if bytes.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "descriptors need a byte to travel with"));
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives bytes into `buffer` with the descriptors that came along, closed on exec. 0 bytes on a stream
/// socket: the other side is gone.
///
/// # Errors
/// As `recvmsg(2)`; `InvalidData` if descriptors were lost on the way, as when we may open no more.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "descriptors were lost on the way"));
    }
    Ok((message.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn a_descriptor_arrives_and_works() {
        let (a, b) = UnixDatagram::pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        assert_eq!(send(&a, b"take it", &[far.as_fd()]).unwrap(), 7);
        drop(far);
        let mut buffer = [0; 64];
        let (length, mut descriptors) = receive(&b, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"take it");
        let mut far = UnixStream::from(descriptors.pop().unwrap());
        assert!(descriptors.is_empty());
        near.write_all(b"x").unwrap();
        let mut byte = [0];
        far.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn plain_bytes_need_no_descriptor() {
        let (a, b) = UnixDatagram::pair().unwrap();
        send(&a, b"READY=1", &[]).unwrap();
        let (length, descriptors) = receive(&b, &mut [0; 64]).unwrap();
        assert_eq!((length, descriptors.len()), (7, 0));
        assert!(send(&a, b"", &[a.as_fd()]).is_err());
    }
}
