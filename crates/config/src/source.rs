//! Reading a file as text, with one clear word about each way that can fail.

use crate::nearest;
use crate::problem::{Problem, Report, Source};
use camino::{Utf8Path, Utf8PathBuf};
use miette::NamedSource;
use std::io;
use std::sync::Arc;

/// `ELOOP` of `errno(3)` on Linux: too many symbolic links were met. Its `ErrorKind` is not stable.
const TOO_MANY_LINKS: i32 = 40;

/// More is no configuration; and a mistaken `-f` should not fill the memory.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads a file of UTF-8 without a byte order mark.
pub(crate) fn read(path: &Utf8Path) -> Result<Source, Report> {
    let failed = |error: &io::Error| Report::one(path, unreadable(path, error));
    let about = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if about.is_dir() {
        let problem = Problem::new(format!("cannot read {path}: it is a directory"));
        let inside = path.join(FILE);
        let found = inside.is_file();
        return Err(Report::one(
            path,
            if found { problem.help(format!("name the file in it: {inside}")) } else { problem },
        ));
    }
    if about.len() > LARGEST {
        let size = about.len();
        let problem = Problem::new(format!("{path} has {size} bytes; that is no configuration file"));
        return Err(Report::one(path, problem.help(format!("at most {LARGEST} bytes are read"))));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    decode(path.as_str(), bytes).map_err(|problem| Report::one(path, problem))
}

/// The name of the file where none is given.
pub(crate) const FILE: &str = "gapless.toml";

/// Makes a source of text that is already there.
pub(crate) fn named(name: &str, text: String) -> Source {
    Arc::new(NamedSource::new(name, text))
}

fn decode(name: &str, bytes: Vec<u8>) -> Result<Source, Problem> {
    if let Some(kind) = byte_order_mark(&bytes) {
        return Err(Problem::new(format!("{name} begins with a byte order mark ({kind})"))
            .help("save it as UTF-8 without BOM; in most editors that is a choice of \"Save as\""));
    }
    String::from_utf8(bytes).map(|text| named(name, text)).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line = 1 + bytes[..offset].iter().filter(|byte| **byte == b'\n').count();
        let byte = bytes[offset];
        // Up to the first wrong byte the lossy text is the same as the file, so the offset fits both.
        let shown = named(name, String::from_utf8_lossy(&bytes).into_owned());
        Problem::new(format!("{name} is not UTF-8: byte 0x{byte:02x} at offset {offset}, line {line}"))
            .at((offset, '\u{fffd}'.len_utf8()), "from here on it is no text")
            .help("save it as UTF-8")
            .within(&shown)
    })
}

fn byte_order_mark(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => Some("UTF-8 with BOM"),
        [0xff, 0xfe, ..] => Some("UTF-16, little endian"),
        [0xfe, 0xff, ..] => Some("UTF-16, big endian"),
        _ => None,
    }
}

fn unreadable(path: &Utf8Path, error: &io::Error) -> Problem {
    let problem = Problem::new(format!("cannot read {path}: {}", reason(error)));
    match error.kind() {
        io::ErrorKind::NotFound => problem.help(meant(path, Utf8Path::is_file, || {
            "name another file with `-f FILE`, or start without one: `gapless start server.js`".to_owned()
        })),
        _ => problem,
    }
}

/// Why the system would not, in words without its error number.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        _ if error.raw_os_error() == Some(TOO_MANY_LINKS) => {
            "it is a cycle of symbolic links that leads nowhere".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// What to do about a path where nothing is that it could be used for: take the one that was meant, if one that
/// `fits` has nearly its name, or else `otherwise`.
pub(crate) fn meant(
    path: &Utf8Path,
    fits: fn(&Utf8Path) -> bool,
    otherwise: impl FnOnce() -> String,
) -> String {
    match beside(path).filter(|near| fits(near)) {
        Some(near) => format!("did you mean {near}?"),
        None => otherwise(),
    }
}

/// A path that does exist and whose last name is nearly that of `path`, if nothing is at `path` itself: who wrote
/// the name of something else than it takes has made no slip.
fn beside(path: &Utf8Path) -> Option<Utf8PathBuf> {
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let wanted = path.file_name()?;
    let parent = match path.parent()? {
        here if here.as_str().is_empty() => Utf8Path::new("."),
        parent => parent,
    };
    let names: Vec<String> = parent
        .read_dir_utf8()
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name().to_owned()))
        .collect();
    let near = nearest::of(wanted, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near))
}
