//! Reading one stream of an app, over all its files: forward, and backward to find where to begin.

use crate::generations::{self, Neighbour};
use crate::line::{Line, Record};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::WallTime;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// So much is read at once.
const BLOCK: usize = 32 * 1024;

/// Where in a stream, between two lines. The file is held open, so that rotation does not matter.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    file: Option<Arc<File>>,
    offset: u64,
}

/// Reads forward from a position, and on into each younger file.
#[derive(Debug)]
pub(crate) struct Forward {
    path: Utf8PathBuf,
    err: bool,
    /// None until there is one; then the oldest.
    file: Option<Arc<File>>,
    /// Of the next byte to read.
    offset: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    taken: usize,
}

impl Forward {
    /// From `position` in the stream at `path`.
    pub(crate) fn new(path: Utf8PathBuf, err: bool, position: Position) -> Self {
        let Position { file, offset } = position;
        Self { path, err, file, offset, buffer: Vec::new(), taken: 0 }
    }

    /// The path of its youngest file.
    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The next line, of one instance or of all; none if there is none yet. What is no line of ours is
    /// passed over.
    pub(crate) fn next(&mut self, instance: Option<&str>) -> io::Result<Option<Line>> {
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.buffer[self.taken..]) {
                let record = Record::parse(&self.buffer[self.taken..self.taken + end]);
                self.taken += end + 1;
                let wanted = |record: &Record<'_>| instance.is_none_or(|name| record.instance == name);
                if let Some(line) = record.filter(wanted).and_then(|record| record.line(self.err)) {
                    return Ok(Some(line));
                }
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.buffer.shrink_to(BLOCK);
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Whether there may be more to look at now.
    fn fill(&mut self) -> io::Result<bool> {
        let Some(file) = self.file.clone() else {
            self.file = generations::oldest(&self.path)?.map(Arc::new);
            return Ok(self.file.is_some());
        };
        if self.read(&file)? {
            return Ok(true);
        }
        if file.metadata()?.len() < self.offset {
            // Somebody has emptied it.
            self.begin(file);
            return Ok(true);
        }
        let Some(younger) = generations::neighbour(&self.path, &file, Neighbour::Younger)? else {
            return Ok(false);
        };
        // It was rotated, but maybe not before it got lines that we have not seen.
        if !self.read(&file)? {
            self.begin(Arc::new(younger));
        }
        Ok(true)
    }

    fn begin(&mut self, file: Arc<File>) {
        self.file = Some(file);
        self.offset = 0;
        self.buffer.clear();
    }

    fn read(&mut self, file: &File) -> io::Result<bool> {
        let held = self.buffer.len();
        self.buffer.resize(held + BLOCK, 0);
        let read = file.read_at(&mut self.buffer[held..], self.offset);
        let count = read.as_ref().map_or(0, |count| *count);
        self.buffer.truncate(held + count);
        self.offset += count as u64;
        read.map(|count| count > 0)
    }
}

/// Goes backward from the end, line by line, and on into each older file.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    path: &'a Utf8Path,
    file: Option<Arc<File>>,
    /// Where in the file the buffer begins.
    low: u64,
    /// What was read and not gone over; ends with a whole line.
    buffer: Vec<u8>,
    /// How many bytes it may still read.
    budget: u64,
}

impl<'a> Backward<'a> {
    /// From the end of the stream at `path`, reading at most about `budget` bytes.
    pub(crate) fn new(path: &'a Utf8Path, budget: u64) -> io::Result<Self> {
        let mut backward = Self { path, file: None, low: 0, buffer: Vec::new(), budget };
        if let Some(file) = generations::youngest(path)? {
            backward.enter(file)?;
        }
        Ok(backward)
    }

    /// Where it is.
    pub(crate) fn position(&self) -> Position {
        Position { file: self.file.clone(), offset: self.low + self.buffer.len() as u64 }
    }

    /// Goes over one line more, of one instance or of all, and gives its time; none at the beginning, or
    /// when the budget is used up.
    pub(crate) fn previous(&mut self, instance: Option<&str>) -> io::Result<Option<WallTime>> {
        loop {
            if self.buffer.is_empty() && !self.load()? {
                let Some(file) = &self.file else { return Ok(None) };
                match generations::neighbour(self.path, file, Neighbour::Older)? {
                    Some(older) if self.budget > 0 => self.enter(older)?,
                    _ => return Ok(None),
                }
                continue;
            }
            let end = self.buffer.len() - 1;
            let start = match memchr::memrchr(b'\n', &self.buffer[..end]) {
                Some(before) => before + 1,
                None if self.load()? => continue,
                None if self.low > 0 => return Ok(None),
                None => 0,
            };
            let record = Record::parse(&self.buffer[start..end]);
            let wanted = record.filter(|record| instance.is_none_or(|name| record.instance == name));
            let at = wanted.map(|record| record.at);
            self.buffer.truncate(start);
            if at.is_some() {
                return Ok(at);
            }
        }
    }

    /// Begins at the end of a file, after its last whole line.
    fn enter(&mut self, file: File) -> io::Result<()> {
        self.low = file.metadata()?.len();
        self.file = Some(Arc::new(file));
        self.buffer.clear();
        while self.load()? {
            if let Some(end) = memchr::memrchr(b'\n', &self.buffer) {
                self.buffer.truncate(end + 1);
                return Ok(());
            }
        }
        self.buffer.clear();
        Ok(())
    }

    /// Puts the block before the buffer in front of it; false at the beginning of the file.
    fn load(&mut self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let size = self.low.min(BLOCK as u64);
        if size == 0 || self.budget == 0 {
            return Ok(false);
        }
        let mut block = vec![0; usize::try_from(size).unwrap_or(BLOCK)];
        file.read_exact_at(&mut block, self.low - size)?;
        block.extend_from_slice(&self.buffer);
        self.buffer = block;
        self.low -= size;
        self.budget = self.budget.saturating_sub(size);
        Ok(true)
    }
}
