//! The directory that an app runs in.

use super::whole::Surroundings;
use crate::document::Section;
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::{Utf8Path, Utf8PathBuf};

/// The absolute directory. Symbolic links in it stay as they are: a `current` that is swapped has to be
/// looked up again at every start.
pub(super) fn of_app(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Utf8PathBuf {
    let written = section.text("cwd").unwrap_or(".");
    let directory = join(&around.directory, written);
    match std::fs::metadata(&directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => problems.add(
            Problem::new(format!("the cwd in [{}] is no directory", section.path))
                .at(section.place("cwd"), "this is a file")
                .help(match directory.parent() {
                    Some(parent) => format!("write the directory that it is in: {parent}"),
                    None => "write a directory".to_owned(),
                }),
        ),
        Err(error) => problems.add(
            Problem::new(format!("the cwd in [{}] cannot be used: {}", section.path, reason(&error)))
                .at(section.place("cwd"), format!("this is {directory}"))
                .help(meant(&directory, Utf8Path::is_dir, || {
                    format!("paths are relative to {}", around.directory)
                })),
        ),
    }
    directory
}

/// A path relative to a directory, without the `.` that nobody needs. `..` stays: behind a symbolic link it
/// is not what it looks like.
pub(super) fn join(base: &Utf8Path, written: &str) -> Utf8PathBuf {
    base.join(written).components().collect()
}
