//! Requests at a fixed rate, and how long each took.
//!
//! wrk sends the next request when the last was answered, so a slow proxy gets fewer and looks well. Here
//! each connection has a timetable; a request that is late because its forerunner was slow counts from when
//! it was due.

use crate::trouble::Trouble;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Requests per second, over all connections: about a tenth of what one worker can.
const RATE: u32 = 2000;
/// Connections, each with its own thread.
const CONNECTIONS: u32 = 16;

/// Latencies in microseconds.
#[derive(Debug)]
pub(crate) struct Latency {
    /// Half of the requests took no longer.
    pub(crate) p50: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99: f64,
}

/// Drives requests for this long.
///
/// # Errors
/// When a connection fails or an answer is not 200.
pub(crate) fn drive(address: SocketAddr, how_long: Duration) -> Result<Latency, Trouble> {
    let gap = Duration::from_secs(1) * CONNECTIONS / RATE;
    let began = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let first = began + gap * number / CONNECTIONS;
            thread::spawn(move || connection(address, first, gap, began + how_long))
        })
        .collect();
    let mut took = Vec::new();
    for thread in threads {
        let one = thread.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked")));
        took.extend(one.map_err(|e| Trouble::Bench { what: format!("requests to {address}: {e}") })?);
    }
    took.sort_unstable();
    Ok(Latency { p50: quantile(&took, 0.50), p99: quantile(&took, 0.99) })
}

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let place = (last as f64 * share).round() as usize;
    sorted.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1e6)
}

/// One connection by its timetable.
fn connection(address: SocketAddr, first: Instant, gap: Duration, end: Instant) -> io::Result<Vec<Duration>> {
    let mut to = TcpStream::connect(address)?;
    to.set_nodelay(true)?;
    let mut from = BufReader::new(to.try_clone()?);
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut took = Vec::new();
    let mut due = first;
    while due < end {
        let mut sent = Instant::now();
        if sent < due {
            thread::sleep(due - sent);
            // Waking up late is our own fault, not the proxy's.
            sent = Instant::now();
        } else {
            sent = due;
        }
        to.write_all(request.as_bytes())?;
        read_answer(&mut from)?;
        took.push(sent.elapsed());
        due += gap;
    }
    Ok(took)
}

/// Reads one answer with a `Content-Length`, or in chunks, to its end.
fn read_answer(from: &mut impl BufRead) -> io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if !line.contains(" 200 ") {
        return Err(io::Error::other(format!("answered {:?}", line.trim())));
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
    }
    if !chunked {
        return skip(from, length);
    }
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        skip(from, size + 2)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn skip(from: &mut impl BufRead, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut from.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end() {
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
                   HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        let mut from = two.as_bytes();
        read_answer(&mut from).unwrap();
        read_answer(&mut from).unwrap();
        assert!(from.is_empty());
    }

    #[test]
    fn anything_but_200_and_a_short_answer_are_errors() {
        assert!(read_answer(&mut "HTTP/1.1 502 Bad Gateway\r\n\r\n".as_bytes()).is_err());
        assert!(read_answer(&mut "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok".as_bytes()).is_err());
        assert!(read_answer(&mut "".as_bytes()).is_err());
    }

    #[test]
    fn quantiles_are_figures_that_were_measured() {
        let took: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
        assert_eq!((quantile(&took, 0.5), quantile(&took, 0.99)), (51.0, 99.0));
        assert!(quantile(&[], 0.5).is_nan());
    }
}
