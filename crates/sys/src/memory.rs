//! Memory of this process.

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
