//! Standard input, taken for something else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Takes what is on standard input and leaves `/dev/null` there. What is taken is closed when this process becomes
/// another program.
///
/// # Errors
/// No descriptor is left, or there is no `/dev/null`.
pub fn take() -> io::Result<File> {
    let taken = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let nothing = File::open("/dev/null")?;
    #[expect(unsafe_code, reason = "neither the standard library nor rustix as we have it puts one there")]
    // SAFETY: `nothing` is open; nobody else in this process holds the number 0.
    let result = unsafe { libc::dup2(nothing.as_raw_fd(), 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(taken) }
}
