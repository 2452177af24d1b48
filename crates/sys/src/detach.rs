//! Starting a program that outlives the terminal and us.

use crate::signals::unblock_all;
use rustix::process::{chdir, setsid};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Starts `program` in a session of its own (`setsid(2)`): no terminal, no signals of ours, nothing on
/// stdin, its output in `log`, and `/` as its directory so that it holds no file system busy.
///
/// # Errors
/// It cannot be executed.
pub fn spawn(program: &OsStr, arguments: &[OsString], log: File) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    #[expect(unsafe_code, reason = "the session is left between fork and exec")]
    // SAFETY: sigprocmask, setsid and chdir are async-signal-safe and nothing is allocated.
    unsafe {
        command.pre_exec(|| {
            unblock_all()?;
            setsid()?;
            Ok(chdir(c"/")?)
        })
    };
    command.spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_its_own_session() {
        let path = std::env::temp_dir().join(format!("gapless-sys-detach-{}", std::process::id()));
        let log = File::create(&path).unwrap();
        let script = "read -r pid rest < /proc/self/stat; set -- $rest; echo $((pid == $5)) $PWD";
        let mut child = spawn(OsStr::new("/bin/sh"), &["-c".into(), script.into()], log).unwrap();
        assert!(child.wait().unwrap().success());
        let said = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(said, "1 /\n");
    }
}
