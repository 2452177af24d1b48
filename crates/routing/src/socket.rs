//! Where proxies are found: each has a socket of its own, so that one that retires can be told of by name
//! while another serves.

use std::io;
use std::path::{Path, PathBuf};

const BEFORE: &str = "proxy-";
const BEHIND: &str = ".sock";

/// Where the proxy with this process id listens for control, in `GAPLESS_HOME`.
pub fn socket(home: &Path, proxy: u32) -> PathBuf {
    home.join(format!("{BEFORE}{proxy}{BEHIND}"))
}

/// The sockets that are there, by process id. One whose proxy was killed may be among them.
///
/// # Errors
/// `home` cannot be read.
pub fn sockets(home: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(home)? {
        let path = entry?.path();
        if let Some(pid) = path.file_name().and_then(|name| pid_in(name.to_str()?)) {
            found.push((pid, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn pid_in(name: &str) -> Option<u32> {
    name.strip_prefix(BEFORE)?.strip_suffix(BEHIND)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_found_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        for name in ["control.sock", "proxy.sock", "proxy-x.sock", "proxy-7.sock.9"] {
            std::fs::write(home.path().join(name), "").unwrap();
        }
        let paths = [7, 12].map(|pid| (pid, socket(home.path(), pid)));
        paths.iter().for_each(|(_, path)| std::fs::write(path, "").unwrap());
        assert_eq!(sockets(home.path()).unwrap(), paths);
    }
}
