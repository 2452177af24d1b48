//! A log file and its rotated predecessors: `out.log`, `out.1.log` (the last before it), `out.2.log`, …

use camino::{Utf8Path, Utf8PathBuf};
use std::fs::File;
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};

/// Which file, beyond its name: names move at rotation, this does not while the file is open.
pub(crate) type Inode = u64;

/// The file of `path` that is `age` rotations old; 0 is `path` itself.
pub(crate) fn aged(path: &Utf8Path, age: u32) -> Utf8PathBuf {
    if age == 0 {
        return path.to_owned();
    }
    let stem = path.as_str().strip_suffix(".log").unwrap_or(path.as_str());
    format!("{stem}.{age}.log").into()
}

/// Moves `path` out of the way, and keeps at most `keep` such files.
pub(crate) fn rotate(path: &Utf8Path, keep: u32) -> io::Result<()> {
    let mut ages: Vec<u32> = list(path)?.into_iter().map(|(age, _)| age).filter(|age| *age > 0).collect();
    while ages.last().is_some_and(|age| *age >= keep.max(1)) {
        if let Some(age) = ages.pop() {
            std::fs::remove_file(aged(path, age))?;
        }
    }
    if keep == 0 {
        return std::fs::remove_file(path);
    }
    for age in ages.into_iter().rev() {
        std::fs::rename(aged(path, age), aged(path, age + 1))?;
    }
    match std::fs::rename(path, aged(path, 1)) {
        // Somebody has deleted it, which is out of the way too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// All files of `path` that exist, the youngest first.
fn list(path: &Utf8Path) -> io::Result<Vec<(u32, Inode)>> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    let stem = name.strip_suffix(".log").unwrap_or(name);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let entry_name = entry.file_name();
        let Some(rest) = entry_name.to_str().and_then(|n| n.strip_prefix(stem)) else { continue };
        let age = match rest.strip_suffix(".log") {
            Some("") => Some(0),
            Some(age) => age.strip_prefix('.').and_then(|age| age.parse().ok()),
            None => None,
        };
        // Only names that we would give: neither `out.0.log` nor `out.01.log`.
        let age = age.filter(|age| aged(path, *age).file_name() == entry_name.to_str());
        found.extend(age.map(|age| (age, entry.ino())));
    }
    found.sort_unstable();
    Ok(found)
}

/// Like [`list`], but never half before and half after a rotation.
fn settled(path: &Utf8Path) -> io::Result<Vec<(u32, Inode)>> {
    let mut before = list(path)?;
    loop {
        let after = list(path)?;
        if before == after {
            return Ok(after);
        }
        before = after;
    }
}

/// Which neighbour of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// The next younger.
    Younger,
    /// The next older.
    Older,
}

/// Opens the neighbour of the file `of`, which is open; none if there is none (yet).
///
/// If `of` was itself deleted by rotation, the oldest that is left is the next younger.
pub(crate) fn neighbour(path: &Utf8Path, of: &File, which: Neighbour) -> io::Result<Option<File>> {
    let own = of.metadata()?.ino();
    if which == Neighbour::Younger && std::fs::metadata(path).is_ok_and(|newest| newest.ino() == own) {
        return Ok(None);
    }
    open_stable(path, |files| {
        let position = files.iter().position(|(_, inode)| *inode == own);
        match (which, position) {
            (Neighbour::Younger, Some(at)) => at.checked_sub(1),
            (Neighbour::Younger, None) => files.len().checked_sub(1),
            (Neighbour::Older, Some(at)) => Some(at + 1),
            (Neighbour::Older, None) => None,
        }
    })
}

/// Opens the youngest file of `path`.
pub(crate) fn youngest(path: &Utf8Path) -> io::Result<Option<File>> {
    open_stable(path, |_| Some(0))
}

/// Opens the oldest file of `path`.
pub(crate) fn oldest(path: &Utf8Path) -> io::Result<Option<File>> {
    open_stable(path, |files| files.len().checked_sub(1))
}

/// Opens one of the files of `path`; again if it was renamed in that moment.
fn open_stable(
    path: &Utf8Path,
    choose: impl Fn(&[(u32, Inode)]) -> Option<usize>,
) -> io::Result<Option<File>> {
    loop {
        let files = match settled(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            files => files?,
        };
        let Some((age, inode)) = choose(&files).and_then(|at| files.get(at)) else { return Ok(None) };
        match File::open(aged(path, *age)) {
            Ok(file) if file.metadata()?.ino() == *inode => return Ok(Some(file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn write(path: &Utf8Path, age: u32, text: &str) {
        std::fs::write(aged(path, age), text).unwrap();
    }

    fn read(path: &Utf8Path) -> Vec<(u32, String)> {
        let files = list(path).unwrap();
        files.into_iter().map(|(age, _)| (age, std::fs::read_to_string(aged(path, age)).unwrap())).collect()
    }

    #[test]
    fn rotation_moves_up_and_forgets_the_oldest() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("out.log");
        for name in ["out.x.log", "out.log.1", "outer.log", "err.log", "out.0.log"] {
            std::fs::write(path.with_file_name(name), name).unwrap();
        }
        for (age, text) in [(0, "d"), (1, "c"), (2, "b"), (3, "a")] {
            write(&path, age, text);
        }
        rotate(&path, 3).unwrap();
        let files =
            |pairs: &[(u32, &str)]| pairs.iter().map(|(n, t)| (*n, (*t).to_owned())).collect::<Vec<_>>();
        assert_eq!(read(&path), files(&[(1, "d"), (2, "c"), (3, "b")]));
        write(&path, 0, "e");
        rotate(&path, 1).unwrap();
        assert_eq!(read(&path), files(&[(1, "e")]));
        write(&path, 0, "f");
        rotate(&path, 0).unwrap();
        assert_eq!(read(&path), files(&[]));
        assert!(path.with_file_name("out.x.log").exists());
    }

    #[test]
    fn neighbours_are_found_by_file_not_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("out.log");
        write(&path, 1, "old");
        write(&path, 0, "new");
        let text = |file: Option<File>| {
            let mut text = String::new();
            file.unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let file = youngest(&path).unwrap().unwrap();
        assert!(neighbour(&path, &file, Neighbour::Younger).unwrap().is_none());
        rotate(&path, 5).unwrap();
        assert!(neighbour(&path, &file, Neighbour::Younger).unwrap().is_none(), "not made yet");
        write(&path, 0, "newest");
        assert_eq!(text(neighbour(&path, &file, Neighbour::Younger).unwrap()), "newest");
        assert_eq!(text(neighbour(&path, &file, Neighbour::Older).unwrap()), "old");
        assert_eq!(text(oldest(&path).unwrap()), "old");
        std::fs::remove_file(aged(&path, 1)).unwrap();
        assert_eq!(text(neighbour(&path, &file, Neighbour::Younger).unwrap()), "old");
    }
}
