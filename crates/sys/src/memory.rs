//! Memory of this process, and of the machine.

use std::io;

/// How much could be taken without swapping, in bytes (`MemAvailable`, `proc_meminfo(5)`).
///
/// # Errors
/// `/proc/meminfo` cannot be read, or does not say.
pub fn available() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    said(&text).ok_or_else(|| io::Error::other("no MemAvailable in /proc/meminfo"))
}

fn said(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Gives what is free in the allocator back to the system (`malloc_trim(3)`), and with it the peak of a burst
/// that is over: small pieces left behind would otherwise hold all below them. Costs milliseconds at most;
/// does nothing where the C library has no such call.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "only the C library knows its free memory")]
    // SAFETY: it takes a number, and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_kernel_says() {
        let text = "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:     300 kB\n";
        assert_eq!(said(text), Some(300 * 1024));
        assert_eq!(said("MemTotal:        8000 kB\n"), None);
        assert!(available().unwrap() > 0);
    }
}
