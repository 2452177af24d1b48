//! Splits a command line into words by the quoting rules of the shell (POSIX.1-2024, XCU 2.2), and finds what
//! only a shell could do.

use std::ops::Range;

/// Why a line is no list of words. Ranges are bytes of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotWords {
    /// A quote that is not closed begins here.
    Unclosed(Range<usize>),
    /// It ends in a backslash.
    TrailingBackslash(Range<usize>),
    /// Syntax of the shell.
    Shell(Range<usize>),
    /// A second line, of which this is the first word.
    SecondLine(Range<usize>),
    /// It begins with `NAME=value`, which a shell would put into the environment.
    Assignment(Range<usize>),
}

/// The words of a line; none for a blank one.
pub(crate) fn split(line: &str) -> Result<Vec<String>, NotWords> {
    let mut words = Vec::new();
    let mut rest = Rest { line, at: 0 };
    loop {
        let newline = rest.blank();
        let start = rest.at;
        // A second line would be a second command.
        if newline && !words.is_empty() && !rest.is_empty() {
            let end = line[start..].find(char::is_whitespace).map_or(line.len(), |n| start + n);
            return Err(NotWords::SecondLine(start..end));
        }
        let Some(word) = rest.word()? else { break };
        if words.is_empty() && assigns(&line[start..rest.at]) {
            return Err(NotWords::Assignment(start..rest.at));
        }
        words.push(word);
    }
    Ok(words)
}

/// `NAME=…` as the shell reads it, not quoted.
fn assigns(raw: &str) -> bool {
    raw.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

struct Rest<'a> {
    line: &'a str,
    at: usize,
}

impl Rest<'_> {
    fn peek(&self) -> Option<char> {
        self.line[self.at..].chars().next()
    }

    fn is_empty(&self) -> bool {
        self.at == self.line.len()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&which) {
            self.take();
        }
    }

    /// Skips blanks and continued lines; says whether a line ended.
    fn blank(&mut self) -> bool {
        let mut newline = false;
        loop {
            match self.peek() {
                Some(c) if c.is_whitespace() => {
                    newline |= c == '\n';
                    self.take();
                }
                Some('\\') if self.line[self.at..].starts_with("\\\n") => self.at += 2,
                _ => return newline,
            }
        }
    }

    fn word(&mut self) -> Result<Option<String>, NotWords> {
        let start = self.at;
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            let at = self.at;
            self.take();
            match c {
                '\'' => self.single(at, &mut word)?,
                '"' => self.double(at, &mut word)?,
                '\\' => match self.take() {
                    None => return Err(NotWords::TrailingBackslash(at..self.at)),
                    Some('\n') => {}
                    Some(literal) => word.push(literal),
                },
                '&' | '|' | ';' | '<' | '>' | '(' | ')' | '`' => {
                    self.skip(|next| next == c);
                    return Err(NotWords::Shell(at..self.at));
                }
                '$' => self.dollar(at, &mut word)?,
                '~' if at == start && self.peek().is_none_or(|c| c == '/' || c.is_whitespace()) => {
                    return Err(NotWords::Shell(at..self.at));
                }
                _ => word.push(c),
            }
        }
        Ok((self.at > start).then_some(word))
    }

    fn single(&mut self, at: usize, word: &mut String) -> Result<(), NotWords> {
        while let Some(c) = self.take() {
            if c == '\'' {
                return Ok(());
            }
            word.push(c);
        }
        Err(NotWords::Unclosed(at..at + 1))
    }

    fn double(&mut self, at: usize, word: &mut String) -> Result<(), NotWords> {
        while let Some(c) = self.take() {
            match c {
                '"' => return Ok(()),
                '$' => self.dollar(self.at - 1, word)?,
                '`' => return Err(NotWords::Shell(self.at - 1..self.at)),
                '\\' => match self.peek() {
                    Some(special @ ('$' | '`' | '"' | '\\')) => {
                        self.take();
                        word.push(special);
                    }
                    Some('\n') => {
                        self.take();
                    }
                    _ => word.push('\\'),
                },
                _ => word.push(c),
            }
        }
        Err(NotWords::Unclosed(at..at + 1))
    }

    /// A dollar sign stands for itself unless something follows that the shell would expand.
    fn dollar(&mut self, at: usize, word: &mut String) -> Result<(), NotWords> {
        let expands = |c: char| c.is_ascii_alphanumeric() || "_{(@*#?$!-".contains(c);
        match self.peek() {
            Some(c) if expands(c) => {
                self.take();
                if c.is_ascii_alphabetic() || c == '_' {
                    self.skip(|c| c.is_ascii_alphanumeric() || c == '_');
                } else if c == '{' {
                    self.skip(|c| c != '}' && !c.is_whitespace() && c != '"');
                    self.skip(|c| c == '}');
                }
                Err(NotWords::Shell(at..self.at))
            }
            _ => {
                word.push('$');
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap()
    }

    #[test]
    fn words_are_quoted_as_in_the_shell() {
        assert_eq!(words("node server.js"), ["node", "server.js"]);
        assert_eq!(words("  a\t b  "), ["a", "b"]);
        assert_eq!(words(r#"node -e 'console.log("a $b")'"#), ["node", "-e", r#"console.log("a $b")"#]);
        assert_eq!(words(r#"a "b c"d'e f' \g\ h"#), ["a", "b cde f", "g h"]);
        assert_eq!(words(r#""" ''"#), ["", ""]);
        assert_eq!(words(r#"echo "\$x \" \n""#), ["echo", r#"$x " \n"#]);
        assert_eq!(words("app --socket {socket} --at=5%"), ["app", "--socket", "{socket}", "--at=5%"]);
        assert_eq!(words("cost 5$ x=1"), ["cost", "5$", "x=1"]);
        assert_eq!(words("a \\\n b\n"), ["a", "b"]);
        assert_eq!(words(" \n "), Vec::<String>::new());
    }

    #[test]
    fn what_only_a_shell_can_do_is_found_where_it_stands() {
        let shell = |line: &str| match split(line) {
            Err(NotWords::Shell(range)) => line[range].to_owned(),
            other => panic!("{line:?}: {other:?}"),
        };
        assert_eq!(shell("npm run build && npm start"), "&&");
        assert_eq!(shell("node a.js | tee log"), "|");
        assert_eq!(shell("node a.js > log"), ">");
        assert_eq!(shell("a; b"), ";");
        assert_eq!(shell("node --port $PORT"), "$PORT");
        assert_eq!(shell("node \"--port=${PORT}\" x"), "${PORT}");
        assert_eq!(shell("echo $(date)"), "$(");
        assert_eq!(shell("echo `date`"), "`");
        assert_eq!(shell("~/bin/app"), "~");
    }

    #[test]
    fn other_slips_are_named() {
        assert_eq!(split("node 'a"), Err(NotWords::Unclosed(5..6)));
        assert_eq!(split("a \"b"), Err(NotWords::Unclosed(2..3)));
        assert_eq!(split("a\nb c"), Err(NotWords::SecondLine(2..3)));
        assert_eq!(split("a \\"), Err(NotWords::TrailingBackslash(2..3)));
        assert_eq!(split("NODE_ENV=production node x"), Err(NotWords::Assignment(0..19)));
    }
}
