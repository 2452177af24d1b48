//! Numbers as people read them.

use gapless_model::time::Spoken;
use gapless_model::{ReleaseId, WallTime};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::time::Duration;

/// With a comma between thousands: `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its word: `1 request`, `12,345 requests`.
pub(crate) fn counted(n: u64, word: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {word}{plural}", count(n))
}

/// Bytes in binary units: `84.1 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = n as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size >= 100.0 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// Milliseconds as a duration.
pub(crate) fn millis(ms: u64) -> Spoken {
    Spoken(Duration::from_millis(ms))
}

/// The first and last words of a date and a time, in the given zone: `2026-11-21 08:33:01`.
pub(crate) fn at(time: WallTime, zone: &TimeZone) -> String {
    let stamp = i64::try_from(time.as_millis()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(
        || "?".into(),
        |stamp| stamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// The traffic by release: `r1 50%, r2 50%`; `-` while nobody serves.
pub(crate) fn split(split: &BTreeMap<ReleaseId, u32>) -> String {
    let parts: Vec<_> = split.iter().map(|(release, percent)| format!("{release} {percent}%")).collect();
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|n| counted(n, "request")), ["1 request", "2 requests"]);
        assert_eq!(
            [0, 1023, 1536, 200 << 20, 3 << 30].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "200 MiB", "3.0 GiB"]
        );
    }

    #[test]
    fn times_are_shown_in_the_zone_that_is_asked_for() {
        let time = WallTime::from_millis(1_795_250_000_000);
        assert_eq!(at(time, &TimeZone::UTC), "2026-11-21 08:33:20");
    }
}
