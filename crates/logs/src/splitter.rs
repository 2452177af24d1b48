//! Bytes into lines.

/// Longer lines are cut into pieces of this many bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// A partial line that took more than this is given back to the allocator once it is complete.
const KEPT: usize = 4096;

/// Finds the lines in what one stream of one instance writes. Holds at most one partial line.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    partial: Vec<u8>,
    /// The beginning of the present line was already given out: if nothing but its end follows, that is
    /// not another, empty line.
    continued: bool,
}

impl Splitter {
    /// Whether a line has begun that has not ended.
    pub(crate) const fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// How many bytes of a line are held.
    pub(crate) const fn partial(&self) -> usize {
        self.partial.len()
    }

    /// Takes bytes in, and gives out each line that they complete, without its end.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut give: impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, tail) = bytes.split_at(end);
            bytes = &tail[1..];
            if self.partial.is_empty() && head.len() <= LONGEST {
                self.complete(head, &mut give);
            } else {
                self.extend(head, &mut give);
                let line = std::mem::take(&mut self.partial);
                self.complete(&line, &mut give);
                self.recycle(line);
            }
        }
        self.extend(bytes, &mut give);
    }

    /// Gives out the partial line, if there is one, as if it had ended.
    pub(crate) fn flush(&mut self, give: impl FnOnce(&[u8])) {
        if self.has_partial() {
            let piece = std::mem::take(&mut self.partial);
            give(&piece);
            self.continued = true;
            self.recycle(piece);
        }
    }

    fn complete(&mut self, line: &[u8], give: &mut impl FnMut(&[u8])) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !(self.continued && line.is_empty()) {
            give(line);
        }
        self.continued = false;
    }

    fn extend(&mut self, mut bytes: &[u8], give: &mut impl FnMut(&[u8])) {
        while self.partial.len() + bytes.len() > LONGEST {
            let (head, tail) = bytes.split_at(LONGEST - self.partial.len());
            self.partial.extend_from_slice(head);
            bytes = tail;
            self.flush(&mut *give);
        }
        self.partial.extend_from_slice(bytes);
    }

    fn recycle(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT {
            buffer.clear();
            self.partial = buffer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        let mut give = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            if chunk.is_empty() {
                splitter.flush(&mut give);
            }
            splitter.feed(chunk, &mut give);
        }
        lines
    }

    #[test]
    fn lines_end_as_unix_or_windows_end_them() {
        assert_eq!(lines(&[b"a\nb\r\n\nc\rd\n"]), ["a", "b", "", "c\rd"]);
        assert_eq!(lines(&[b"a\r", b"\nb", b"c\n"]), ["a", "bc"]);
    }

    #[test]
    fn the_end_of_a_line_that_was_flushed_is_no_line() {
        assert_eq!(lines(&[b"prompt> ", b"", b"\nnext\n"]), ["prompt> ", "next"]);
        assert_eq!(lines(&[b"prompt> ", b"", b"\r\n\n"]), ["prompt> ", ""]);
        assert_eq!(lines(&[b"", b"\n"]), [""]);
    }

    #[test]
    fn a_long_line_comes_in_pieces() {
        let long = vec![b'x'; LONGEST];
        let sizes = |chunks: &[&[u8]]| lines(chunks).iter().map(String::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[&long, b"\n"]), [LONGEST]);
        assert_eq!(sizes(&[&long, b"\r\nshort\n"]), [LONGEST, 5]);
        assert_eq!(sizes(&[&long, &long, b"y\nz\n"]), [LONGEST, LONGEST, 1, 1]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_however_it_is_cut(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(0xff_u8)], 0..400),
            cut in 1..50_usize,
        ) {
            let mut splitter = Splitter::default();
            let mut whole = Vec::new();
            for chunk in text.chunks(cut) {
                splitter.feed(chunk, |line| { whole.extend_from_slice(line); whole.push(b'\n'); });
            }
            splitter.flush(|line| whole.extend_from_slice(line));
            prop_assert_eq!(whole, text);
        }
    }
}
