//! Files of `KEY=VALUE` lines, as `dotenv` reads them.
//!
//! `#` begins a comment at the start of a line, and behind a value after a space. `export ` before a name is
//! allowed. Values may stand in single quotes or backticks (as they are) or double quotes (`\n`, `\r`, `\t`,
//! `\"`, `\\` and `\$` are escapes); in quotes they may go over several lines. Nothing is expanded. The last
//! of two lines with one name wins.

/// Why a file is not read. No value is ever quoted: they are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) help: &'static str,
}

/// Line, name and value of every variable, in order.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<(usize, String, String)>, Wrong> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        let what = "the file begins with a byte order mark".into();
        return Err(Wrong { line: 1, what, help: "save it as UTF-8 without BOM" });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        Wrong { line, what: "this is not UTF-8".into(), help: "save the file as UTF-8" }
    })?;
    let mut variables = Vec::new();
    let mut rest = Rest { text, line: 1 };
    while let Some(variable) = rest.variable()? {
        variables.push(variable);
    }
    Ok(variables)
}

struct Rest<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Rest<'a> {
    fn wrong<T>(&self, what: impl Into<String>, help: &'static str) -> Result<T, Wrong> {
        Err(Wrong { line: self.line, what: what.into(), help })
    }

    /// Takes the rest of the line, without its end.
    fn line(&mut self) -> &'a str {
        let (line, rest) = self.text.split_once('\n').unwrap_or((self.text, ""));
        self.text = rest;
        self.line += 1;
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn variable(&mut self) -> Result<Option<(usize, String, String)>, Wrong> {
        loop {
            self.text = self.text.trim_start_matches([' ', '\t', '\r']);
            match self.text.chars().next() {
                None => return Ok(None),
                Some('\n' | '#') => drop(self.line()),
                Some(_) => break,
            }
        }
        let line = self.line;
        let name = self.name()?;
        self.text = self.text.trim_start_matches([' ', '\t']);
        let value = match self.text.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => self.quoted(quote)?,
            _ => {
                let raw = self.line();
                let end = raw.find(" #").or_else(|| raw.find("\t#")).unwrap_or(raw.len());
                let end = if raw.starts_with('#') { 0 } else { end };
                raw[..end].trim_end().to_owned()
            }
        };
        if value.contains('\0') {
            return Err(Wrong {
                line,
                what: format!("{name} has a NUL byte in its value"),
                help: "leave it out",
            });
        }
        Ok(Some((line, name, value)))
    }

    fn name(&mut self) -> Result<String, Wrong> {
        let text = match self.text.strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
            _ => self.text,
        };
        let line = text.split('\n').next().unwrap_or_default();
        let Some((name, _)) = line.split_once('=') else {
            return self.wrong("there is no `=`", "write KEY=VALUE; a value over several lines needs quotes");
        };
        self.text = &text[name.len() + 1..];
        let name = name.trim_end();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() {
            return self.wrong("there is no name before the `=`", "write KEY=VALUE");
        }
        if !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
            // The name is not told either: it may be a part of a value that lost its quotes.
            return self.wrong(
                "the name before the `=` is no name of a variable",
                "names are of letters, digits and `_`; a value over several lines needs quotes",
            );
        }
        Ok(name.to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let mut value = String::new();
        let mut chars = self.text.char_indices().skip(1);
        let mut lines = 0;
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.text = &self.text[at + 1..];
                    self.line += lines;
                    return self.nothing_more().map(|()| value);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, special @ ('"' | '\\' | '$'))) => value.push(special),
                    Some((_, other)) => {
                        lines += usize::from(other == '\n');
                        value.extend(['\\', other]);
                    }
                    None => {}
                },
                _ => {
                    lines += usize::from(c == '\n');
                    value.push(c);
                }
            }
        }
        self.wrong("the quote that begins here is not closed", "close it, or leave it out")
    }

    fn nothing_more(&mut self) -> Result<(), Wrong> {
        let line = self.line;
        let rest = self.line().trim();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(());
        }
        let what = "there is something behind the closing quote".into();
        Err(Wrong { line, what, help: "put the whole value in quotes; write \\\" for a quote in it" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes()).unwrap().into_iter().map(|(_, name, value)| (name, value)).collect()
    }

    fn wrong(text: &[u8]) -> (usize, String) {
        parse(text).map_err(|wrong| (wrong.line, wrong.what)).unwrap_err()
    }

    #[test]
    fn lines_are_read_as_dotenv_reads_them() {
        let text = "# comment\n\nA=1\r\nexport B = two words  # note\nC='a # b $x'\nD=\"l1\\nl2 \\\"q\\\"\" # c\n\
                    E=\nF=a#b\nG=x=y\nH=\"one\ntwo\"\nI=`it's`\nJ=${A}\nexported=1\nA=last";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # b $x"),
            ("D", "l1\nl2 \"q\""),
            ("E", ""),
            ("F", "a#b"),
            ("G", "x=y"),
            ("H", "one\ntwo"),
            ("I", "it's"),
            ("J", "${A}"),
            ("exported", "1"),
            ("A", "last"),
        ];
        let read = read(text);
        let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_without_values() {
        assert_eq!(wrong(b"A=1\nB\n"), (2, "there is no `=`".into()));
        assert_eq!(wrong(b"A=\"x\ny\"\n=2\n"), (3, "there is no name before the `=`".into()));
        assert_eq!(wrong(b"A='x\n\n").0, 1);
        assert_eq!(wrong(b"A=\"x\" y\n").0, 1);
        assert_eq!(wrong(b"A=1\n\nB b=\xc3\xa4\n").0, 3);
        assert_eq!(wrong(b"A=1\nB=\xff\n"), (2, "this is not UTF-8".into()));
        assert_eq!(wrong(b"\xef\xbb\xbfA=1").0, 1);
        assert_eq!(wrong(b"A=\0").0, 1);
    }
}
