//! What a command did.

use std::process::Output;
use std::time::Duration;

/// What a `gapless` command printed, and how it exited.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The words after `gapless`.
    pub words: String,
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed on stdout.
    pub out: String,
    /// What it printed on stderr.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    pub(crate) fn new(words: &[&str], output: &Output, took: Duration) -> Self {
        Self {
            words: words.join(" "),
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
        }
    }

    /// Itself, if it exited with `code`.
    ///
    /// # Panics
    /// It did not: with everything that it printed.
    #[track_caller]
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "`gapless {}`\nstdout:\n{}\nstderr:\n{}", self.words, self.out, self.err);
        self
    }

    /// Itself, if it exited with 0.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Both streams as one text.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Itself, if it said `what` on either stream.
    ///
    /// # Panics
    /// It did not: with everything that it printed.
    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        assert!(
            self.text().contains(what),
            "`gapless {}` did not say {what:?}\nstdout:\n{}\nstderr:\n{}",
            self.words,
            self.out,
            self.err
        );
        self
    }
}
