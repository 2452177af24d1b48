//! Becoming another program in place: the same process, with the same children and the same open descriptors
//! (`execve(2)`). Where that fails nothing has changed. Signals that are blocked stay so: none is lost on the
//! way, whichever of the two programs takes it.

use rustix::io::{FdFlags, fcntl_setfd};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// What is handed over: our pid and a note on the first line, then a number and a name on each.
const HANDOVER: &str = "GAPLESS_HANDOVER";

/// What a program before us in this process has handed over.
#[derive(Debug)]
pub struct Handover {
    /// What it said.
    pub note: String,
    /// What it had open, by name.
    pub descriptors: Vec<(String, OwnedFd)>,
}

/// Becomes `program` (a path) with `arguments`, the environment that we have, and these descriptors open. `note`
/// and names are single lines. Comes back only if that failed.
pub fn become_program(
    program: &OsStr,
    arguments: &[OsString],
    note: &str,
    descriptors: &[(&str, BorrowedFd<'_>)],
) -> io::Error {
    let mut text = format!("{} {note}", std::process::id());
    for (name, descriptor) in descriptors {
        text.push_str(&format!("\n{} {name}", descriptor.as_raw_fd()));
    }
    let kept = |flags| descriptors.iter().try_for_each(|(_, descriptor)| fcntl_setfd(descriptor, flags));
    if let Err(error) = kept(FdFlags::empty()) {
        return error.into();
    }
    let error = execute(program, arguments, &text).unwrap_or_else(|error| error);
    match kept(FdFlags::CLOEXEC) {
        Ok(()) => error,
        Err(error) => error.into(),
    }
}

/// `execve(2)` itself. What `std` offers is `execvp(3)`, which has a shell run whatever the kernel does not know as a
/// program: of a file that is torn that would be the end of us.
///
/// # Errors
/// A word has a NUL in it. That it could not be executed is the answer.
#[expect(unsafe_code, reason = "nothing else calls execve(2) alone")]
fn execute(program: &OsStr, arguments: &[OsString], handover: &str) -> io::Result<io::Error> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let mut words = vec![text(program.as_bytes())?];
    for word in arguments {
        words.push(text(word.as_bytes())?);
    }
    let mut variables = vec![text(format!("{HANDOVER}={handover}").as_bytes())?];
    for (name, value) in std::env::vars_os().filter(|(name, _)| name != HANDOVER) {
        variables.push(text(&[name.as_bytes(), b"=", value.as_bytes()].concat())?);
    }
    let list = |of: &[CString]| -> Vec<_> { of.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect() };
    let (argv, envp) = (list(&words), list(&variables));
    // SAFETY: both lists end with a null pointer, and all that they point to lives until the end of this function.
    unsafe { libc::execve(words[0].as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Ok(io::Error::last_os_error())
}

/// What was handed over to us, and takes the variable that says so out of our environment. None the second
/// time, and if it is meant for another process.
///
/// To be called once, first thing, while there is only one thread and nothing else was opened.
#[expect(unsafe_code, reason = "descriptors have no owner until we say so; the environment is global")]
pub fn take() -> Option<Handover> {
    let text = std::env::var(HANDOVER).ok()?;
    // SAFETY: nobody else reads or writes the environment now, as the caller was told: one thread.
    unsafe { std::env::remove_var(HANDOVER) };
    let mut lines = text.lines();
    let (pid, note) = lines.next()?.split_once(' ')?;
    if pid.parse() != Ok(std::process::id()) {
        return None;
    }
    let descriptors = lines.filter_map(|line| {
        let (raw, name) = line.split_once(' ')?;
        let raw: RawFd = raw.parse().ok().filter(|raw| *raw > 2)?;
        // SAFETY: borrowed only to ask whether it is open; were it not, the call fails with EBADF.
        let given = unsafe { BorrowedFd::borrow_raw(raw) };
        fcntl_setfd(given, FdFlags::CLOEXEC).ok()?;
        // SAFETY: it is open, it was left open for us by whoever was here before, and nobody takes it again.
        Some((name.to_owned(), unsafe { OwnedFd::from_raw_fd(raw) }))
    });
    Some(Handover { note: note.to_owned(), descriptors: descriptors.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn where_it_fails_everything_is_as_before() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let missing = OsStr::new("/nonexistent/program");
        let error = become_program(missing, &[], "x", &[("line", ours.as_fd())]);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(rustix::io::fcntl_getfd(&ours).unwrap(), FdFlags::CLOEXEC);
        assert!(take().is_none());
    }
}
