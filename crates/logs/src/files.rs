//! An app's two files.

use crate::line;
use crate::log_file::{Appended, LogFile};
use crate::queue::{Batch, Stream};
use crate::troubles::with_commas;
use camino::Utf8Path;
use gapless_model::WallTime;
use gapless_model::app::LogSpec;

/// So much is written at once, or one line: on a slow disk it is seen that it moves.
const PIECE: usize = 32 * 1024;

/// The files of an app, opened when they are first written.
#[derive(Debug)]
pub(crate) struct Files {
    spec: LogSpec,
    out: Kept,
    err: Kept,
}

#[derive(Debug)]
struct Kept {
    file: LogFile,
    /// Lines that were lost since the last that was written.
    missing: u64,
}

impl Kept {
    fn append(&mut self, lines: &[u8], at: WallTime, spec: &LogSpec) -> Appended {
        self.file.append(lines, at, spec)
    }
}

impl Files {
    /// Those in `directory`, which is made with the first line.
    pub(crate) fn new(directory: &Utf8Path, spec: LogSpec) -> Self {
        let kept = |name| Kept { file: LogFile::new(directory.join(name)), missing: 0 };
        Self { spec, out: kept("out.log"), err: kept("err.log") }
    }

    /// Keep them so from now on.
    pub(crate) fn configure(&mut self, spec: LogSpec) {
        self.spec = spec;
    }

    /// Writes lines, and where some are missing before them says so first; `moved` is called whenever
    /// something was written.
    pub(crate) fn write(&mut self, batch: &Batch, mut moved: impl FnMut()) -> Appended {
        let kept = match batch.stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        kept.missing += batch.missing;
        if kept.missing > 0 {
            let note = missing(&batch.bytes, kept.missing);
            let said = kept.append(&note, batch.at, &self.spec);
            if said.failure.is_some() {
                kept.missing += batch.lines;
                return Appended { bytes: 0, ..said };
            }
            kept.missing = 0;
        }
        let mut all = Appended { bytes: 0, failure: None, unrotated: None };
        while all.bytes < batch.bytes.len() && all.failure.is_none() {
            let rest = &batch.bytes[all.bytes..];
            let piece = kept.append(&rest[..whole_lines(rest)], batch.at, &self.spec);
            all.bytes += piece.bytes;
            all.failure = piece.failure;
            all.unrotated = piece.unrotated.or(all.unrotated);
            moved();
        }
        kept.missing += lines(&batch.bytes[all.bytes..]);
        all
    }
}

/// How many bytes of `lines` are written at once.
fn whole_lines(lines: &[u8]) -> usize {
    if lines.len() <= PIECE {
        return lines.len();
    }
    let end = memchr::memrchr(b'\n', &lines[..PIECE]).or_else(|| memchr::memchr(b'\n', lines));
    end.map_or(lines.len(), |end| end + 1)
}

/// How many lines these bytes are.
pub(crate) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Says, in the name of whoever wrote the lines that follow, that lines are missing.
fn missing(following: &[u8], lines: u64) -> Vec<u8> {
    let mut note = line::prefix_of(following).to_vec();
    let (lines, are) = (with_commas(lines), if lines == 1 { "line is" } else { "lines are" });
    note.extend_from_slice(
        format!("[gapless] {lines} {are} missing here: the disk took no more\n").as_bytes(),
    );
    note
}
