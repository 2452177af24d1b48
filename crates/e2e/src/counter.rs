//! An app that counts aloud, to see that what it says arrives.

use crate::{PATIENCE, Site};
use gapless_api::request::LogLine;
use gapless_testkit::wait::wait_for;

/// Its part of `gapless.toml`.
pub const TABLE: &str = r#"[apps.counter]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done"]
"#;

/// Holds that it goes on, and that each line arrived, in order. Those over which a control was killed may be there
/// again: how many.
///
/// # Panics
/// A line is missing.
#[track_caller]
#[expect(clippy::unwrap_used, clippy::must_use_candidate, reason = "a test cannot go on without")]
pub fn is_heard(site: &Site) -> usize {
    let said = || {
        let out = site.gapless(&["logs", "counter", "-n", "1000000", "--json"]).succeeds().out;
        let lines = out.lines().map(|line| serde_json::from_str::<LogLine>(line).unwrap().text);
        lines.map(|text| text["line ".len()..].parse().unwrap()).collect::<Vec<u64>>()
    };
    let before = said().len();
    let said = wait_for("the counter to go on", PATIENCE, || Some(said()).filter(|s| s.len() > before));
    let (mut last, mut again) = (0, 0);
    for n in said {
        assert!(n <= last + 1, "line {n} after line {last}");
        again += usize::from(n <= last);
        last = last.max(n);
    }
    again
}
