//! Waiting for one of a few descriptors (`poll(2)`).

use rustix::event::{PollFd, PollFlags, Timespec};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Waits until one of `descriptors` can be read, at most `timeout` (none: for ever). Says which can; none of
/// them when the time has passed or a signal came between.
///
/// # Errors
/// As `poll(2)`.
pub fn readable<const N: usize>(
    descriptors: [BorrowedFd<'_>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut asked = descriptors.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match rustix::event::poll(&mut asked, timeout.as_ref()) {
        Ok(_) => Ok(asked.map(|one| !one.revents().is_empty())),
        Err(rustix::io::Errno::INTR) => Ok([false; N]),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn it_says_which() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let (spoken, mut speaker) = UnixStream::pair().unwrap();
        assert_eq!(readable([quiet.as_fd()], Some(Duration::ZERO)).unwrap(), [false]);
        speaker.write_all(b"x").unwrap();
        assert_eq!(readable([quiet.as_fd(), spoken.as_fd()], None).unwrap(), [false, true]);
    }
}
