//! The last lines of what a command says.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES: usize = 20;

/// As much of a line as is kept, in bytes.
const LINE: usize = 400;

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Tail {
    whole: VecDeque<Vec<u8>>,
    line: Vec<u8>,
}

impl Tail {
    /// Takes what was said.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                byte if self.line.len() < LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        self.whole.push_back(std::mem::take(&mut self.line));
        if self.whole.len() > LINES {
            self.whole.pop_front();
        }
    }

    /// The lines, the oldest first; bytes that are not UTF-8 are replaced by U+FFFD.
    pub(super) fn lines(mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.whole.iter().map(|line| String::from_utf8_lossy(line).trim_end().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        (0..30).for_each(|n| tail.take(format!("line {n}\r\n").as_bytes()));
        tail.take("x".repeat(1_000).as_bytes());
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0], "line 11");
        assert_eq!(lines[LINES - 1].len(), LINE);
    }
}
