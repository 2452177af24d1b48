//! What must hold of the parsers here, whatever they are given: asked by `cargo fuzz` (see `fuzz/`) and, with
//! fewer cases, by the tests. A function panics where something does not hold.

use crate::line::{self, Record};
use crate::splitter::{LONGEST, Splitter};

/// The same lines come out however the bytes go in, none is too long, and a line of a file is taken apart as it was put
/// together. The first byte says how long the pieces are.
pub fn lines(data: &[u8]) {
    let Some((pace, bytes)) = data.split_first() else { return };
    let whole = split(std::iter::once(bytes));
    let cut = split(bytes.chunks(usize::from(*pace).max(1)));
    assert_eq!(whole, cut);
    for line in whole {
        assert!(line.len() <= LONGEST);
        if let Some(record) = Record::parse(&line) {
            assert!(line.ends_with(record.bytes));
            let again = [line::prefix(record.at, record.instance), record.bytes.to_vec()].concat();
            assert_eq!(again, line);
            let _ = record.line(true);
        }
    }
}

fn split<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::default();
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.feed(piece, |line| lines.push(line.to_vec()));
    }
    splitter.flush(|line| lines.push(line.to_vec()));
    lines
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const WORDS: &[&str] = &[
        "2026-11-21T08:33:00.123Z ",
        "9999-12-31T99:99:99.999Z ",
        "api-3 ",
        " ",
        "\n",
        "\r\n",
        "\r",
        "x",
        "words of it",
        "\u{e4}",
        "-1 ",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_of_files(pace in any::<u8>(), words in vec(select(WORDS), 0..20)) {
            super::lines(&[&[pace], words.concat().as_bytes()].concat());
        }

        #[test]
        fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
            super::lines(&bytes);
        }
    }
}
