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

/// Takes the pages of code that lie unused out of this process: those that only its start needed, and the neighbours
/// that the kernel mapped beside each page that was needed (`fault_around_bytes`, 64 KiB). What is still in use comes
/// back by itself at its next use, from the page cache: a tenth of a millisecond in all. For a process that is idle.
///
/// # Errors
/// `/proc/self/maps` cannot be read.
pub fn forget_code() -> io::Result<()> {
    for (start, length) in code(&std::fs::read_to_string("/proc/self/maps")?) {
        #[expect(unsafe_code, reason = "our own mappings, by their addresses")]
        // SAFETY: every page of the range is what a file has there, never written, and is read from there again
        // (`madvise(2)`, MADV_DONTNEED on a private file mapping).
        unsafe {
            libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
        }
    }
    Ok(())
}

/// Where files are mapped to be executed or to be read from their begin on, as a program's constants are, and were
/// never written: address and length in bytes. From `proc_pid_maps(5)`. What a linker wrote to and then protected
/// (relocated pointers) is read-only too, but no file begins with it.
fn code(maps: &str) -> impl Iterator<Item = (usize, usize)> {
    maps.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (range, rights, offset, file) = (words.next()?, words.next()?, words.next()?, words.nth(2)?);
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = (address(start)?, address(end)?);
        let unwritten = rights == "r-xp" || (rights == "r--p" && address(offset)? == 0);
        (unwritten && file.starts_with('/')).then_some((start, end.checked_sub(start)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_forgotten_and_it_runs_on() {
        let maps = "55d0-55e0 r--p 00000000 fd:00 12 /bin/a\n55e0-55f8 r-xp 00010000 fd:00 12 /bin/a\n\
                    55f8-55fa r--p 00028000 fd:00 12 /bin/a\n\
                    5600-5700 rw-p 00000000 00:00 0 [heap]\n7ffe-7fff r-xp 00000000 00:00 0 [vdso]\n\
                    6000-6010 rwxp 00000000 fd:00 13 /lib/b\n7000-7010 r-xp 00000000 00:00 0\n";
        assert_eq!(code(maps).collect::<Vec<_>>(), [(0x55d0, 0x10), (0x55e0, 0x18)]);
        forget_code().unwrap();
        assert!(available().unwrap() > 0);
    }

    #[test]
    fn as_the_kernel_says() {
        let text = "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:     300 kB\n";
        assert_eq!(said(text), Some(300 * 1024));
        assert_eq!(said("MemTotal:        8000 kB\n"), None);
        assert!(available().unwrap() > 0);
    }
}
