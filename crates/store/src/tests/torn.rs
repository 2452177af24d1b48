//! A write that was cut off: the power went, or the disk wrote a part of what it had said it would.

use super::samples::{Place, instance};
use crate::{Change, Journal};

/// So many entries are in the log, and not in the database yet.
const ENTRIES: u32 = 24;

/// A page, and what stands before it in the log (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
const PAGE: usize = 4096;
const FRAME: usize = 24 + PAGE;
const LOG_HEADER: usize = 32;

/// The database and its log, as they stand while the journal is open.
struct Standing {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Standing {
    fn new() -> Self {
        let place = Place::new();
        place.open().0.close();
        let (journal, _) = place.open();
        for number in 1..=ENTRIES {
            journal.commit(vec![Change::PutInstance(Box::new(instance(1, number, 0)))]).wait().unwrap();
        }
        let read = |path: String| std::fs::read(path).unwrap();
        let standing =
            Self { database: read(place.path.to_string()), log: read(format!("{}-wal", place.path)) };
        assert!(standing.log.len() > LOG_HEADER + ENTRIES as usize * FRAME, "{}", standing.log.len());
        standing
    }

    /// How many of the entries are there with this log, the first ones without a gap; nothing is set aside, and what is
    /// written from here on is kept.
    fn entries_with(&self, log: &[u8]) -> u32 {
        let place = Place::new();
        std::fs::write(&place.path, &self.database).unwrap();
        std::fs::write(format!("{}-wal", place.path), log).unwrap();
        let (journal, recovered) = place.open();
        assert_eq!(recovered.set_aside, None);
        let found: Vec<_> = recovered.state.instances.keys().map(|id| id.number()).collect();
        let count = u32::try_from(found.len()).unwrap();
        assert!((1..=count).all(|number| found.contains(&number)), "{found:?}");
        let next = instance(1, ENTRIES + 1, 0);
        journal.commit(vec![Change::PutInstance(Box::new(next.clone()))]).wait().unwrap();
        journal.close();
        let (_, recovered) = Journal::open(&place.path).unwrap();
        assert_eq!(recovered.state.instances.len(), found.len() + 1);
        assert!(recovered.state.instances.contains_key(&next.id));
        count
    }
}

#[test]
fn a_log_that_ends_anywhere_gives_what_was_whole_before() {
    let standing = Standing::new();
    assert_eq!(standing.entries_with(&standing.log), ENTRIES);
    let mut before = 0;
    // In the header, at each end of a frame and in the middle of each page.
    let frames = (standing.log.len() - LOG_HEADER) / FRAME;
    let ends = (0..frames).map(|frame| LOG_HEADER + frame * FRAME);
    for cut in [0, 20].into_iter().chain(ends.flat_map(|end| [end, end + 24 + PAGE / 2])) {
        let count = standing.entries_with(&standing.log[..cut]);
        assert!(count >= before, "more of the log, and fewer entries: {cut}");
        before = count;
    }
    assert!(before >= ENTRIES - 1, "the last frame is that of one entry");
}

#[test]
fn a_page_that_was_written_in_half_is_as_if_it_were_not_there() {
    let standing = Standing::new();
    let frames = (standing.log.len() - LOG_HEADER) / FRAME;
    for frame in [frames - 1, frames / 2, 0] {
        for rest in [0x00, 0xa5] {
            let mut log = standing.log.clone();
            let begin = LOG_HEADER + frame * FRAME + 24;
            log[begin + PAGE / 2..begin + PAGE].fill(rest);
            let count = standing.entries_with(&log);
            assert!(count < ENTRIES, "half a page of entry {count} was taken for a whole one");
            assert!(count as usize * 8 >= frame, "{count} entries before frame {frame}");
        }
    }
}
