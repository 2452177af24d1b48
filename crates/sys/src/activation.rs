//! Starting a program with open descriptors in its hands (`sd_listen_fds(3)`).

use crate::fdstore::{COUNT, FIRST, FOR, NAMES};
use crate::signals::unblock_all;
use rustix::io::fcntl_dupfd_cloexec;
use std::ffi::{CString, OsStr, OsString, c_char};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Room for the digits of any pid.
const PID_DIGITS: usize = 10;

/// Starts `program` (a path) with `arguments`, `environment` and nothing else, and hands it `descriptors` as
/// 3, 4, … with their names, announced by `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID`.
///
/// # Errors
/// It cannot be executed, there are no descriptors or processes left, or a text holds a NUL.
pub fn spawn(
    program: &OsStr,
    arguments: &[OsString],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    descriptors: &[(&str, BorrowedFd<'_>)],
    output: (Stdio, Stdio),
) -> io::Result<Child> {
    let mut image = Image::new(program, arguments, environment, descriptors)?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(output.0).stderr(output.1);
    #[expect(unsafe_code, reason = "descriptors must take their places between fork and exec")]
    // SAFETY: between fork and exec only async-signal-safe calls are made (sigprocmask, getpid, dup2, execve) and
    // nothing is allocated: `image` was made whole before the fork.
    unsafe {
        command.pre_exec(move || Err(image.become_it()))
    };
    command.spawn()
}

/// All that `execve(2)` needs, made before the fork.
struct Image {
    program: CString,
    arguments: Vec<CString>,
    /// The last entry is `LISTEN_PID=` with [`PID_DIGITS`] NULs after it, where the child writes its own pid.
    environment: Vec<Vec<u8>>,
    argument_pointers: Vec<*const c_char>,
    environment_pointers: Vec<*const c_char>,
    /// Copies of the descriptors, all numbered beyond where they will be put.
    descriptors: Vec<OwnedFd>,
}

#[expect(unsafe_code, reason = "the pointers point into the buffers beside them")]
// SAFETY: the pointers point into heap buffers that the same value owns and never resizes.
unsafe impl Send for Image {}
#[expect(unsafe_code, reason = "the pointers point into the buffers beside them")]
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Image {}

impl Image {
    fn new(
        program: &OsStr,
        arguments: &[OsString],
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        descriptors: &[(&str, BorrowedFd<'_>)],
    ) -> io::Result<Self> {
        let program = CString::new(program.as_bytes())?;
        let rest = arguments.iter().map(|argument| CString::new(argument.as_bytes()));
        let arguments = std::iter::once(Ok(program.clone())).chain(rest).collect::<Result<Vec<_>, _>>()?;
        let mut entries = Vec::new();
        for (name, value) in environment {
            if [COUNT, NAMES, FOR].iter().all(|ours| *ours != name) {
                entries.push(entry(name, &value)?);
            }
        }
        if !descriptors.is_empty() {
            let names: Vec<&str> = descriptors.iter().map(|(name, _)| *name).collect();
            entries.push(entry(COUNT.into(), descriptors.len().to_string().as_ref())?);
            entries.push(entry(NAMES.into(), names.join(":").as_ref())?);
            let mut own = format!("{FOR}=").into_bytes();
            own.extend([0; PID_DIGITS + 1]);
            entries.push(own);
        }
        let beyond = FIRST + RawFd::try_from(descriptors.len()).map_err(io::Error::other)?;
        let copies = descriptors.iter().map(|(_, descriptor)| Ok(fcntl_dupfd_cloexec(descriptor, beyond)?));
        let null = std::iter::once(std::ptr::null());
        Ok(Self {
            descriptors: copies.collect::<io::Result<_>>()?,
            argument_pointers: arguments.iter().map(|a| a.as_ptr()).chain(null.clone()).collect(),
            environment_pointers: entries.iter().map(|e| e.as_ptr().cast()).chain(null).collect(),
            program,
            arguments,
            environment: entries,
        })
    }

    /// Runs in the child: it comes back only if it failed.
    #[expect(unsafe_code, reason = "dup2 and execve on raw numbers and pointers")]
    fn become_it(&mut self) -> io::Error {
        if let Err(error) = unblock_all() {
            return error;
        }
        if !self.descriptors.is_empty() {
            self.write_pid();
        }
        for (place, descriptor) in (FIRST..).zip(&self.descriptors) {
            // SAFETY: both are plain numbers; the copy it makes is not closed on exec, which is the point.
            if unsafe { libc::dup2(descriptor.as_raw_fd(), place) } < 0 {
                return io::Error::last_os_error();
            }
        }
        debug_assert_eq!(self.arguments.len() + 1, self.argument_pointers.len());
        // SAFETY: all three are NUL-terminated (strings and lists) and owned by `self`.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.argument_pointers.as_ptr(),
                self.environment_pointers.as_ptr(),
            )
        };
        io::Error::last_os_error()
    }

    /// Writes our pid behind `LISTEN_PID=`, digit by digit: formatting could allocate.
    fn write_pid(&mut self) {
        let mut digits = [0_u8; PID_DIGITS];
        let mut rest = std::process::id();
        let mut first = PID_DIGITS;
        while first > 0 && (rest > 0 || first == PID_DIGITS) {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let Some(own) = self.environment.last_mut() else { return };
        let room = own[FOR.len() + 1..].iter_mut();
        for (place, digit) in room.zip(&digits[first..]) {
            *place = *digit;
        }
    }
}

fn entry(mut name: OsString, value: &OsStr) -> io::Result<Vec<u8>> {
    name.push("=");
    name.push(value);
    Ok(CString::new(name.into_vec())?.into_bytes_with_nul())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    fn out_of(script: &str, descriptors: &[(&str, BorrowedFd<'_>)]) -> String {
        let environment = [("HELLO".into(), "world".into()), ("LISTEN_FDS".into(), "99".into())];
        let arguments = ["-c".into(), script.into()];
        let shell = OsStr::new("/bin/sh");
        let mut child =
            spawn(shell, &arguments, environment, descriptors, (Stdio::piped(), Stdio::inherit())).unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success());
        text
    }

    #[test]
    fn descriptors_arrive_in_order_with_names_and_for_the_right_pid() {
        let (mut a, b) = (File::open("/dev/zero").unwrap(), File::open("/proc/self/status").unwrap());
        let script = r#"echo "$HELLO $LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$))"; readlink /proc/self/fd/3; head -c5 <&4"#;
        let text = out_of(script, &[("zero", a.as_fd()), ("b c", b.as_fd())]);
        assert_eq!(text, "world 2 zero:b c 1\n/dev/zero\nName:");
        a.read_exact(&mut [0]).expect("ours stays open");
    }

    #[test]
    fn nothing_is_announced_where_nothing_is_handed_over() {
        assert_eq!(out_of(r#"echo "${LISTEN_FDS-none} ${LISTEN_PID-none}""#, &[]), "none none\n");
    }

    #[test]
    fn what_cannot_be_run_is_an_error_of_the_caller() {
        let missing = OsStr::new("/nonexistent/program");
        let error = spawn(missing, &[], [], &[], (Stdio::null(), Stdio::null())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
