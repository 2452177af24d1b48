//! One line, as it stands in a file and as it is read back.

use crate::stamp;
use gapless_model::{InstanceId, WallTime};

/// One line of an app's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read from the instance.
    pub at: WallTime,
    /// Who wrote it.
    pub instance: InstanceId,
    /// Whether to stderr.
    pub err: bool,
    /// The line as it was, without its end (`\n` or `\r\n`); not always UTF-8. At most 64 KiB: longer ones
    /// come in pieces.
    pub bytes: Vec<u8>,
}

/// What stands before each line of `instance` that was read at `at`.
pub(crate) fn prefix(at: WallTime, instance: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(stamp::LENGTH + instance.len() + 2);
    prefix.extend_from_slice(&stamp::format(at));
    prefix.push(b' ');
    prefix.extend_from_slice(instance.as_bytes());
    prefix.push(b' ');
    prefix
}

/// The prefix of a line that has one.
pub(crate) fn prefix_of(line: &[u8]) -> &[u8] {
    let end = memchr::memchr_iter(b' ', line).nth(1);
    end.map_or(line, |end| &line[..=end])
}

/// A line of a file, taken apart and not yet copied.
pub(crate) struct Record<'a> {
    pub(crate) at: WallTime,
    pub(crate) instance: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes a line (without its end) apart; none if it is not one of ours.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let (time, rest) = line.split_at_checked(stamp::LENGTH)?;
        let rest = rest.strip_prefix(b" ")?;
        let space = memchr::memchr(b' ', rest)?;
        let instance = std::str::from_utf8(&rest[..space]).ok()?;
        Some(Self { at: stamp::parse(time)?, instance, bytes: &rest[space + 1..] })
    }

    /// The line; none if its instance has no name that could be one.
    pub(crate) fn line(&self, err: bool) -> Option<Line> {
        let instance = self.instance.parse().ok()?;
        Some(Line { at: self.at, instance, err, bytes: self.bytes.to_vec() })
    }
}
