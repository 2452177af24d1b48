//! A loopback port that nobody else uses.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Below where Linux takes ports for outgoing connections by default (`ip_local_port_range`, `ip(7)`), so
/// that the machine's own traffic cannot take one between our asking and the app's listening.
const QUIET: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port on 127.0.0.1 that nobody listens on now. `pick` draws one of `0..n`; `taken` names ports that
/// were given out and may not be open yet.
///
/// # Errors
/// Not one port is free.
pub fn free(mut pick: impl FnMut(u16) -> u16, taken: impl Fn(u16) -> bool) -> io::Result<u16> {
    let width = QUIET.end - QUIET.start;
    for _ in 0..64 {
        let port = QUIET.start + pick(width) % width;
        if !taken(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    // So many in a row are in use: let the kernel find one anywhere.
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if !taken(port) {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_or_given_out_is_passed_over() {
        let first = free(|n| n / 2, |_| false).unwrap();
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let mut draws = [first - QUIET.start, first - QUIET.start + 1, first - QUIET.start + 7].into_iter();
        let second = free(|_| draws.next().unwrap_or(99), |port| port == first + 1).unwrap();
        assert!(second != first && second != first + 1);
        drop(holder);
    }
}
