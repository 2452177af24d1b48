//! Pages for what the proxy answers by itself: a directory of files by status.

use super::directory::join;
use super::whole::Surroundings;
use crate::document::Section;
use crate::nearest;
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::Utf8Path;
use gapless_model::ErrorPages;
use std::collections::BTreeMap;
use std::io;

/// The pages of `error_pages`, read now: they are shown as they were when the file was applied.
pub(super) fn of(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> ErrorPages {
    let Some(written) = section.text("error_pages") else { return ErrorPages::default() };
    let directory = join(&around.directory, written);
    let place = section.place("error_pages");
    let of_table = || format!("the error_pages in [{}]", section.path);
    if let Err(error) = directory.read_dir() {
        let what = match error.kind() {
            io::ErrorKind::NotADirectory => format!("{} are a file", of_table()),
            _ => format!("{} cannot be read: {}", of_table(), reason(&error)),
        };
        problems.add(Problem::new(what).at(place, format!("this is {directory}")).help(meant(
            &directory,
            Utf8Path::is_dir,
            || format!("write the directory that they are in; paths are relative to {}", around.directory),
        )));
        return ErrorPages::default();
    }
    let mut pages = BTreeMap::new();
    let before = problems.len();
    for status in ErrorPages::STATUSES {
        let path = directory.join(format!("{status}.html"));
        match page(&path) {
            Ok(None) => {}
            Ok(Some(text)) => drop(pages.insert(status, text)),
            Err(why) => problems.add(
                Problem::new(format!("{path} {why}"))
                    .at(place, "in this directory")
                    .help("mend it, or take it away: then a plain page is shown"),
            ),
        }
    }
    if pages.is_empty() && problems.len() == before {
        let names: Vec<_> = ErrorPages::STATUSES.iter().map(|status| format!("{status}.html")).collect();
        let problem = Problem::new(format!("{} have no page", of_table()));
        let help = format!("pages are named {}", nearest::either(names.iter().map(String::as_str)));
        problems.add(problem.at(place, format!("this is {directory}")).help(help));
    }
    ErrorPages::new(pages)
}

/// A page; none if there is none.
fn page(path: &Utf8Path) -> Result<Option<String>, String> {
    let about = match path.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {}", reason(&error))),
    };
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    if about.len() > ErrorPages::LARGEST {
        let kib = ErrorPages::LARGEST / 1024;
        return Err(format!(
            "has {} bytes, and {kib} KiB are the most for a page: it has to show while nothing else does",
            about.len()
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {}", reason(&error)))?;
    String::from_utf8(bytes).map(Some).map_err(|_| "is not UTF-8".to_owned())
}
