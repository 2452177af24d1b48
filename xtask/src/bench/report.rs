//! The rows for people (`docs/benchmarks.md`) and for programs (JSON).

use super::ground::Ground;
use super::row::{Bound, Row};
use crate::step::{root, spoken};
use crate::trouble::Trouble;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// The rows as a table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from("| what | Gapless | promised | kept | beside |\n|---|---:|---:|:---:|---|\n");
    for row in rows {
        let promised = match row.bound {
            None => String::new(),
            Some(Bound::AtMost(most)) => format!("≤ {}", row.unit.say(most)),
            Some(Bound::ShareOf(1.0, who)) => format!("≤ {}", who.join(", ")),
            Some(Bound::ShareOf(share, who)) => format!("≤ {share} × {}", who.join(", ")),
        };
        let kept = match row.kept() {
            None => "",
            Some(true) => "yes",
            Some(false) => "**no**",
        };
        let others: Vec<String> = row
            .others
            .iter()
            .map(|other| {
                let theirs = row.unit.say(other.theirs);
                match row.bound {
                    Some(Bound::ShareOf(..)) => format!("{}: {theirs} ({:.2} ×)", other.who, other.ratio),
                    _ => format!("{}: {theirs}", other.who),
                }
            })
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {promised} | {kept} | {} |",
            row.what,
            row.unit.say(row.ours),
            others.join("; ")
        );
    }
    text
}

/// The rows as JSON.
pub(crate) fn json(rows: &[Row]) -> String {
    // Rows are numbers and text: nothing in them cannot be written.
    serde_json::to_string_pretty(rows).unwrap_or_default()
}

/// Writes `docs/benchmarks.md`.
pub(crate) fn write(rows: &[Row], ground: &Ground, took: Duration) -> Result<(), Trouble> {
    let machine = machine();
    let versions = ground.versions()?.join(", ");
    let text = format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench` ({took}), everything in one run on one machine, on loopback.\n\n\
         Machine: {machine}. Beside: {versions}.\n\n\
         {table}\n\
         How to read it: smaller is better in every row. Rounds are interleaved and the middle one counts; where\n\
         a share of another's figure is promised, the share is taken in each round by itself, the middle one\n\
         counts, and stands behind theirs.\n\
         CPU is what the kernel counted for the process. The proxies have one worker each, connections kept\n\
         open on both sides, answers of 200 bytes and no access log; nginx and HAProxy reach the backend by\n\
         TCP as they are commonly run, Gapless by the Unix socket that it gives every instance, and nginx by\n\
         a Unix socket shows what of the difference is the socket's. Latency is taken at a fixed rate, from\n\
         when a request was due. Handshakes are whole ones, with nothing resumed and no request behind them; HTTP/2\n\
         has 8 connections with 16 requests at a time each. Each benchmark is one file in `xtask/src/bench/`.\n",
        took = spoken(took),
        table = table(rows),
    );
    let path = root().join("docs/benchmarks.md");
    let unwritable = |source| Trouble::File { verb: "write", path: path.clone(), source };
    fs::create_dir_all(root().join("docs")).map_err(unwritable)?;
    fs::write(&path, text).map_err(unwritable)
}

/// Cores, memory and kernel.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let kernel: String = read("/proc/sys/kernel/osrelease")
        .trim()
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let kilobytes: u64 =
        read("/proc/meminfo").split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    format!("{cores} cores, {} GiB, Linux {kernel}, {}", kilobytes / (1 << 20), std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::super::row::Unit;
    use super::*;

    #[test]
    fn a_missed_promise_is_shown() {
        let rows = [
            Row::new("start", Unit::Milliseconds, 250.0).at_most(300.0).beside("PM2", 1601.0),
            Row::new("CPU", Unit::Microseconds, 30.0).at_most_of(0.9, &["nginx"]).beside("nginx", 27.0),
        ];
        assert_eq!(
            table(&rows),
            "| what | Gapless | promised | kept | beside |\n|---|---:|---:|:---:|---|\n\
             | start | 250 ms | ≤ 300 ms | yes | PM2: 1601 ms |\n\
             | CPU | 30.0 µs | ≤ 0.9 × nginx | **no** | nginx: 27.0 µs (1.11 ×) |\n"
        );
    }
}
