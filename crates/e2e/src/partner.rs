//! A program beside the test that plays clients: told by lines, answering each by a line.

use crate::site::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// The program. It ends with this.
#[derive(Debug)]
pub struct Partner {
    child: Child,
    lines: Receiver<String>,
}

impl Partner {
    /// Starts `node` with these words in `directory`, and waits until it says `open`.
    ///
    /// # Panics
    /// It cannot be started, or says something else, or nothing.
    #[track_caller]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn node(directory: &Path, words: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.current_dir(directory).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let partner = Self { child, lines };
        assert_eq!(partner.line(), "open");
        partner
    }

    /// Tells it something, and returns what it has to say to that.
    ///
    /// # Panics
    /// It is gone, or silent, or does not answer with JSON.
    #[track_caller]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn told(&mut self, what: &str) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{what}").unwrap();
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no line from a partner: {error}"))
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
