//! wrk: as many requests as fit through, over connections that stay open.

use crate::step::{capture, tool};
use crate::trouble::Trouble;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Connections at a time.
const CONNECTIONS: u32 = 32;

/// Drives requests for this long; how many were answered.
///
/// # Errors
/// When one was not answered, or not with a 2xx: then the figures mean nothing.
pub(crate) fn drive(address: SocketAddr, how_long: Duration) -> Result<u64, Trouble> {
    run(address, how_long, None)
}

/// The same with the requests that a script for wrk makes.
///
/// # Errors
/// As for [`drive`].
pub(crate) fn drive_by(address: SocketAddr, how_long: Duration, script: &Path) -> Result<u64, Trouble> {
    run(address, how_long, Some(script))
}

fn run(address: SocketAddr, how_long: Duration, script: Option<&Path>) -> Result<u64, Trouble> {
    let connections = format!("-c{CONNECTIONS}");
    let seconds = format!("-d{}s", how_long.as_secs());
    let url = format!("http://{address}/");
    let mut wrk = tool("wrk", ["-t1", &connections, &seconds]);
    if let Some(script) = script {
        wrk.arg("-s").arg(script);
    }
    let text = capture(wrk.arg(&url))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    answered(&text).map_err(|why| Trouble::Bench { what: format!("wrk on {url}: {why}:\n{text}") })
}

/// Reads what wrk prints.
fn answered(text: &str) -> Result<u64, &'static str> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err("not every request was answered well");
    }
    let line = text.lines().find(|line| line.contains(" requests in "));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or("it says no number of requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_requests_is_read() {
        assert_eq!(answered("Running 1s test\n  34159 requests in 1.10s, 13.16MB read\n"), Ok(34159));
    }

    #[test]
    fn errors_are_not_overlooked() {
        let text = "  10 requests in 1.10s\n  Socket errors: connect 0, read 3, write 0, timeout 0\n";
        assert!(answered(text).is_err());
        assert!(answered("  10 requests in 1.1s\n  Non-2xx or 3xx responses: 2\n").is_err());
        assert!(answered("").is_err());
    }
}
