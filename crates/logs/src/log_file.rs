//! One log file that is being written.

use crate::generations;
use crate::stamp;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::WallTime;
use gapless_model::app::LogSpec;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, Instant};

/// How often we look whether the file was deleted or moved under us.
const LOOK: Duration = Duration::from_secs(1);

/// A log file, opened at its first line and kept open; `x.log`, its predecessors `x.1.log`, `x.2.log`, ….
/// Writing to it may take as long as the disk likes.
#[derive(Debug)]
pub struct LogFile {
    path: Utf8PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    /// The time of its first line; none while it is empty.
    first: Option<WallTime>,
    /// Whether it ends within a line, left by a write that was cut short.
    torn: bool,
    looked: Instant,
}

/// What became of an append.
#[derive(Debug)]
pub struct Appended {
    /// How many bytes are in the file.
    pub bytes: usize,
    /// Why not all.
    pub failure: Option<io::Error>,
    /// Why the file could not be rotated; it grows beyond its bounds instead.
    pub unrotated: Option<io::Error>,
}

impl LogFile {
    /// The file at `path`, not touched yet.
    pub const fn new(path: Utf8PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Appends whole lines that were read at `at`, rotating before and between them as `spec` wants.
    ///
    /// After a failure the file is closed, and opened again for the next lines.
    pub fn append(&mut self, lines: &[u8], at: WallTime, spec: &LogSpec) -> Appended {
        let mut appended = Appended { bytes: 0, failure: None, unrotated: None };
        while appended.bytes < lines.len() {
            if let Err(error) = self.step(lines, at, spec, &mut appended) {
                appended.failure = Some(error);
                self.open = None;
                break;
            }
        }
        appended
    }

    /// Rotates if it is due, else writes what fits.
    fn step(
        &mut self,
        lines: &[u8],
        at: WallTime,
        spec: &LogSpec,
        appended: &mut Appended,
    ) -> io::Result<()> {
        let rest = &lines[appended.bytes..];
        let open = self.opened()?;
        let fits = if appended.unrotated.is_some() { rest.len() } else { open.fits(rest, at, spec) };
        if fits > 0 {
            let (written, failure) = open.write(&rest[..fits], at);
            appended.bytes += written;
            return failure.map_or(Ok(()), Err);
        }
        match generations::rotate(&self.path, spec.keep) {
            Ok(()) => self.open = None,
            Err(error) => appended.unrotated = Some(error),
        }
        Ok(())
    }

    /// The open file: again by its path if somebody has deleted or moved it, made if it is missing.
    fn opened(&mut self) -> io::Result<&mut Open> {
        if self.open.as_mut().is_some_and(|open| open.is_gone(&self.path)) {
            self.open = None;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        Ok(self.open.insert(open))
    }
}

impl Open {
    fn at(path: &Utf8Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        let size = if metadata.is_file() { metadata.len() } else { 0 };
        let (mut stamp, mut last) = ([0; stamp::LENGTH], [b'\n']);
        let mut first = None;
        if size > 0 {
            file.read_exact_at(&mut last, size - 1)?;
            let read = file.read_exact_at(&mut stamp, 0).is_ok();
            // A file that is not ours has no age that we know; it begins now.
            first = if read { stamp::parse(&stamp) } else { None };
        }
        Ok(Self { file, size, first, torn: last != *b"\n", looked: Instant::now() })
    }

    fn is_gone(&mut self, path: &Utf8Path) -> bool {
        if self.looked.elapsed() < LOOK {
            return false;
        }
        self.looked = Instant::now();
        let id = |metadata: io::Result<std::fs::Metadata>| metadata.map(|m| (m.dev(), m.ino())).ok();
        id(std::fs::metadata(path)) != id(self.file.metadata())
    }

    /// How many bytes of `lines` go into this file; none if it must be rotated first.
    fn fits(&self, lines: &[u8], at: WallTime, spec: &LogSpec) -> usize {
        let old = |first: WallTime| {
            let age = at.as_millis().saturating_sub(first.as_millis());
            u128::from(age) >= spec.max_age.as_millis()
        };
        if self.size > 0 && self.first.is_some_and(old) {
            return 0;
        }
        let room = usize::try_from(spec.max_size.saturating_sub(self.size)).unwrap_or(usize::MAX);
        if lines.len() <= room {
            return lines.len();
        }
        match memchr::memrchr(b'\n', &lines[..room]) {
            Some(end) => end + 1,
            None if self.size > 0 => 0,
            // A line that is too long for any file has one for itself.
            None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
        }
    }

    /// How many bytes of whole lines are in the file, and why not all.
    fn write(&mut self, lines: &[u8], at: WallTime) -> (usize, Option<io::Error>) {
        if self.torn {
            if let Err(error) = self.file.write_all(b"\n") {
                return (0, Some(error));
            }
            self.size += 1;
            self.torn = false;
        }
        let (mut written, mut failure) = (0, None);
        while written < lines.len() && failure.is_none() {
            match self.file.write(&lines[written..]) {
                Ok(0) => failure = Some(io::ErrorKind::WriteZero.into()),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failure = Some(error),
            }
        }
        let whole = memchr::memrchr(b'\n', &lines[..written]).map_or(0, |end| end + 1);
        if whole < written {
            // Half a line is taken back, best effort: what cannot be cut is mended when it is opened again.
            let _ = self.file.set_len(self.size + whole as u64);
        }
        self.size += whole as u64;
        self.first.get_or_insert(at);
        (whole, failure)
    }
}
