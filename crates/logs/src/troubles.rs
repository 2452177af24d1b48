//! What is wrong with the logs, per app.

use gapless_model::AppName;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Dropped lines are a trouble for this long after the last of them.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Dropped {
    lines: u64,
    last: Instant,
    reason: String,
}

/// What is wrong with the logs. Ends by itself.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    dropped: BTreeMap<AppName, Dropped>,
    stuck: BTreeMap<AppName, String>,
}

impl Troubles {
    /// Lines of an app are lost.
    pub(crate) fn dropped(&mut self, app: &AppName, lines: u64, reason: &str) {
        let now = Instant::now();
        let fresh = || Dropped { lines: 0, last: now, reason: String::new() };
        let dropped = self.dropped.entry(app.clone()).or_insert_with(fresh);
        if now.duration_since(dropped.last) > REMEMBERED {
            dropped.lines = 0;
        }
        dropped.lines += lines;
        dropped.last = now;
        if dropped.reason != reason {
            reason.clone_into(&mut dropped.reason);
        }
    }

    /// An app's files cannot be rotated, or can again.
    pub(crate) fn rotation(&mut self, app: &AppName, error: Option<String>) {
        match error {
            Some(error) => self.stuck.insert(app.clone(), error),
            None => self.stuck.remove(app),
        };
    }

    /// In words, for `status`.
    pub(crate) fn words(&self) -> Vec<String> {
        let recent = self.dropped.iter().filter(|(_, dropped)| dropped.last.elapsed() <= REMEMBERED);
        let lost = recent.map(|(app, dropped)| {
            format!("{} log lines of {app} dropped: {}", with_commas(dropped.lines), dropped.reason)
        });
        let stuck =
            self.stuck.iter().map(|(app, error)| format!("the logs of {app} are not rotated: {error}"));
        lost.chain(stuck).collect()
    }
}

/// A number as people read it: `1,234`.
pub(crate) fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_said_in_words() {
        let mut troubles = Troubles::default();
        let app: AppName = "api".parse().unwrap();
        troubles.dropped(&app, 12_000, "the disk is stuck");
        troubles.dropped(&app, 300, "No space left on device");
        troubles.rotation(&app, Some("cannot rename".into()));
        assert_eq!(
            troubles.words(),
            [
                "12,300 log lines of api dropped: No space left on device",
                "the logs of api are not rotated: cannot rename"
            ]
        );
        troubles.rotation(&app, None);
        assert_eq!(troubles.words().len(), 1);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(with_commas), ["0", "999", "1,000", "1,234,567"]);
    }
}
