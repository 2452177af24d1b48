//! The lines of a request's head that say where it ends.

use super::fault::Fault;

/// What a head has said so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    lines: u32,
    /// An empty line came before it.
    empty: bool,
    /// HTTP/1.0.
    old: bool,
    length: Option<u64>,
    chunked: bool,
    /// It asks for another protocol, or for a tunnel.
    leaves: bool,
}

/// What comes behind a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A body of so many bytes; the next request if that is 0.
    Body(u64),
    /// A body in chunks.
    Chunks,
    /// What the answer makes of it.
    AnotherProtocol,
}

impl Head {
    /// Whether nothing of it was read.
    pub(super) const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Takes an empty line before the first: some clients send one behind a body.
    pub(super) const fn empty_line(&mut self) -> Result<(), Fault> {
        if self.empty {
            return Err(Fault::EmptyLines);
        }
        self.empty = true;
        Ok(())
    }

    /// Takes a line, without its end.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.lines += 1;
        if self.lines == 1 {
            return self.request(line);
        }
        match line.first() {
            Some(b'c' | b'C') => match value(line, b"content-length")? {
                Some(value) => self.length(value),
                None => Ok(()),
            },
            Some(b't' | b'T') => match value(line, b"transfer-encoding")? {
                Some(value) => self.coding(value),
                None => Ok(()),
            },
            Some(b'u' | b'U') => {
                self.leaves |= named(line, b"upgrade").is_some();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn request(&mut self, line: &[u8]) -> Result<(), Fault> {
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target, version) = (words.next(), words.next(), words.next());
        self.old = version == Some(b"HTTP/1.0");
        if words.next().is_some() || target.is_none_or(<[u8]>::is_empty) {
            return Err(Fault::RequestLine);
        }
        if !self.old && version != Some(b"HTTP/1.1") {
            return Err(Fault::RequestLine);
        }
        self.leaves = method == Some(b"CONNECT");
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Fault::Length);
        }
        let digits = value
            .iter()
            .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        self.length = Some(digits.ok_or(Fault::Length)?);
        Ok(())
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::Coding);
        }
        self.chunked = true;
        Ok(())
    }

    /// It is complete.
    pub(super) const fn end(&self) -> Result<Behind, Fault> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Fault::LengthAndCoding),
            (true, None) if self.old => Err(Fault::Coding),
            (true, None) => Ok(Behind::Chunks),
            (false, Some(length @ 1..)) => Ok(Behind::Body(length)),
            _ if self.leaves => Ok(Behind::AnotherProtocol),
            _ => Ok(Behind::Body(0)),
        }
    }
}

/// The value of a field that says where a request ends. Its name with underscores is refused: CGI and what
/// came of it do not know the difference (RFC 3875 section 4.1.18).
fn value<'a>(line: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, Fault> {
    match named(line, name) {
        Some((_, true)) => Err(if name[0] == b'c' { Fault::Length } else { Fault::Coding }),
        Some((value, false)) => Ok(Some(value)),
        None => Ok(None),
    }
}

/// The value of a line if it is a field of this name, given in lower case, and whether it is spelled with
/// underscores.
fn named<'a>(line: &'a [u8], name: &[u8]) -> Option<(&'a [u8], bool)> {
    let (said, rest) = line.split_at_checked(name.len())?;
    // What stands before the colon beside a name is refused by whoever reads the names.
    let value = rest.strip_prefix(b":")?;
    let mut underscore = false;
    let same = said.iter().zip(name).all(|(said, name)| {
        let spelled = *said == b'_' && *name == b'-';
        underscore |= spelled;
        spelled || said.eq_ignore_ascii_case(name)
    });
    same.then(|| (trim(value), underscore))
}

/// Without the whitespace around it that is none of it: SP and HTAB, no other (RFC 9110 section 5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether a field behind a body says what only one before it may.
pub(super) fn is_forbidden_behind(line: &[u8]) -> bool {
    let names: [&[u8]; 4] = [b"content-length", b"transfer-encoding", b"host", b"connection"];
    names.into_iter().any(|name| named(line, name).is_some())
}
