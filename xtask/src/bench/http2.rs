//! What a request of HTTP/2 costs on its way through the proxy, to a backend of HTTP/1.1.

use super::candidate::by_turns;
use super::certificate::Certificate;
use super::contest::Contest;
use super::ground::Ground;
use super::h2load;
use super::peer_proxy::Speech;
use super::row::{Row, Unit};
use crate::trouble::Trouble;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// CPU per request when saturated, within TLS as browsers come, and without.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let certificate = Certificate::new()?;
    let mut rows = Vec::new();
    for (what, scheme, speech) in [
        ("HTTP/2 within TLS: CPU of the proxy per request", "https", Speech::Tls(&certificate)),
        ("HTTP/2 without TLS: CPU of the proxy per request", "http", Speech::Http2),
    ] {
        let contest = Contest::begin(ground, speech)?;
        let [row] = by_turns(ROUNDS, [(what, Unit::Microseconds)], &contest.candidates, |one| {
            Ok([one.cost(|address| h2load::drive(scheme, address, ROUND))?])
        })?;
        rows.push(row.at_most_of(1.0, &["nginx"]));
    }
    Ok(rows)
}
