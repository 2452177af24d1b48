//! h2load: as many requests of HTTP/2 as fit through.

use crate::step::{capture, tool};
use crate::trouble::Trouble;
use std::net::SocketAddr;
use std::time::Duration;

/// Connections at a time.
const CONNECTIONS: u32 = 8;

/// Requests at a time on each.
const STREAMS: u32 = 16;

/// Drives requests for this long; how many were answered. `scheme` is `https`, or `http` for HTTP/2 without
/// having been asked.
///
/// # Errors
/// When one was not answered, or not with a 2xx: then the figures mean nothing.
pub(crate) fn drive(scheme: &str, address: SocketAddr, how_long: Duration) -> Result<u64, Trouble> {
    let words = [
        "-t1".to_owned(),
        format!("-c{CONNECTIONS}"),
        format!("-m{STREAMS}"),
        format!("-D{}", how_long.as_secs()),
        format!("{scheme}://{address}/"),
    ];
    let text = capture(&mut tool("h2load", words.iter().map(String::as_str)))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    answered(&text)
        .map_err(|why| Trouble::Bench { what: format!("h2load on {scheme}://{address}: {why}:\n{text}") })
}

/// Reads what h2load prints.
fn answered(text: &str) -> Result<u64, &'static str> {
    if !text.lines().any(|line| line.starts_with("Application protocol: h2")) {
        return Err("it did not speak HTTP/2");
    }
    let of = |beginning: &str, word: &str| {
        let line = text.lines().find(|line| line.starts_with(beginning))?;
        line.split([':', ',']).find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
    };
    let Some(done) = of("requests:", "done") else { return Err("it says no number of requests") };
    // Those that were still on their way at the end have a status perhaps, but are not done.
    let troubles = ["failed", "errored", "timeout"].map(|word| of("requests:", word));
    let others = ["3xx", "4xx", "5xx"].map(|word| of("status codes:", word));
    if done == 0 || troubles.into_iter().chain(others).any(|count| count != Some(0)) {
        return Err("not every request was answered well");
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "Application protocol: h2c\n\
        requests: 88674 total, 88802 started, 88674 done, 88674 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 88674 2xx, 0 3xx, 0 4xx, 0 5xx\n";

    #[test]
    fn the_number_of_requests_is_read() {
        assert_eq!(answered(WELL), Ok(88674));
    }

    #[test]
    fn errors_are_not_overlooked() {
        for (from, to) in
            [("h2c", "http/1.1"), ("0 4xx", "1 4xx"), ("0 failed", "1 failed"), ("88674", "0"), ("done", "")]
        {
            assert!(answered(&WELL.replace(from, to)).is_err(), "{to}");
        }
    }
}
