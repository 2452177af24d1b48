//! The program that we are, though its file was replaced or removed since.

use std::ffi::OsStr;
use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the kernel has of it (`proc(5)`), whatever became of the file.
const OURS: &str = "/proc/self/exe";

/// Where to start the program once more that we are: `named`, as long as that is still its file, and what the
/// kernel keeps of it otherwise. Whoever installs a newer version must neither keep us from starting our own
/// parts nor make us start parts of another version than ours.
pub fn again(named: &OsStr) -> &OsStr {
    let ours = OsStr::new(OURS);
    if is_one_file(named, ours) { named } else { ours }
}

/// Whether a process runs the program that we are. False if it is gone.
pub fn is_ours(pid: u32) -> bool {
    is_run_by(Path::new(OURS), pid)
}

/// Whether a process runs a program at all: it has not ended, and is not a zombie.
pub fn is_there(pid: u32) -> bool {
    metadata(Path::new(&format!("/proc/{pid}/exe"))).is_ok()
}

/// Whether a process runs the program in `file`. False if either is gone.
pub fn is_run_by(file: &Path, pid: u32) -> bool {
    is_one_file(file.as_os_str(), OsStr::new(&format!("/proc/{pid}/exe")))
}

fn is_one_file(one: &OsStr, other: &OsStr) -> bool {
    let [one, other] = [one, other].map(|file| metadata(Path::new(file)).ok().map(|m| (m.dev(), m.ino())));
    one.is_some() && one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_ended_runs_no_program() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        assert!(is_there(std::process::id()));
        let held = crate::PidFd::open(child.id()).unwrap();
        assert!(held.wait(std::time::Duration::from_secs(30)).unwrap());
        // A zombie until it is asked for.
        assert!(!is_there(child.id()));
        child.wait().unwrap();
        assert!(!is_there(u32::MAX));
    }

    #[test]
    fn its_own_file_is_started_and_no_other() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(again(own.as_os_str()), own);
        assert_eq!(again(OsStr::new("/bin/sh")), OURS);
        assert_eq!(again(OsStr::new("/nonexistent (deleted)")), OURS);
    }
}
