//! Files that have grown too long to read at one sitting.

use crate::step::root;
use crate::trouble::Trouble;
use std::fs;
use std::path::{Path, PathBuf};

/// From here on a file is listed: look at it again.
const LOOK_AGAIN: usize = 500;
/// From here on the check fails: split it.
const TOO_LONG: usize = 800;
/// Where our own source is.
const PLACES: &[&str] = &["crates", "examples", "node", "xtask"];
/// What is source.
const SOURCE: &[&str] = &["rs", "js", "cjs", "mjs", "ts", "py", "sh"];
/// What others wrote.
const FOREIGN: &[&str] = &["node_modules", "target", ".next"];

/// One file and its lines.
struct Length {
    lines: usize,
    path: PathBuf,
}

/// Prints the median and the longest files; fails if one is too long.
pub(crate) fn check() -> Result<(), Trouble> {
    let root = root();
    let mut lengths = Vec::new();
    for place in PLACES {
        gather(&root.join(place), &mut lengths)?;
    }
    lengths.sort_by_key(|length| std::cmp::Reverse(length.lines));
    let said = |length: &Length| {
        let path = length.path.strip_prefix(&root).unwrap_or(&length.path);
        format!("{:5} {}", length.lines, path.display())
    };
    let median = lengths.get(lengths.len() / 2).map_or(0, |length| length.lines);
    println!("{} source files, the median has {median} lines.", lengths.len());
    for length in lengths.iter().filter(|length| length.lines > LOOK_AGAIN) {
        println!("Look again: {}", said(length));
    }
    let cases: Vec<String> = lengths.iter().filter(|length| length.lines > TOO_LONG).map(said).collect();
    if cases.is_empty() {
        Ok(())
    } else {
        Err(Trouble::Broken { rule: "a file is longer than 800 lines; split it by what it holds", cases })
    }
}

fn gather(directory: &Path, lengths: &mut Vec<Length>) -> Result<(), Trouble> {
    let entries = match fs::read_dir(directory) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| unreadable(directory, source))?,
    };
    for entry in entries {
        let entry = entry.map_err(|source| unreadable(directory, source))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| unreadable(&path, source))?;
        if kind.is_dir() {
            if !FOREIGN.iter().any(|name| entry.file_name() == *name) {
                gather(&path, lengths)?;
            }
        } else if kind.is_file()
            && path.extension().is_some_and(|ending| SOURCE.iter().any(|source| ending == *source))
        {
            let bytes = fs::read(&path).map_err(|source| unreadable(&path, source))?;
            lengths.push(Length { lines: bytes.iter().filter(|byte| **byte == b'\n').count(), path });
        }
    }
    Ok(())
}

fn unreadable(path: &Path, source: std::io::Error) -> Trouble {
    Trouble::File { verb: "read", path: path.to_owned(), source }
}
