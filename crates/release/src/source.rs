//! Where a release's code comes from.

use crate::commit::Commit;
use crate::copy;
use crate::durable;
use crate::error::{Error, Tried};
use crate::layout::Releases;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::release::Revision;
use gapless_model::{AppName, Release, ReleaseId};

/// Where to take a release's code from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A directory, as it is. It may be the code of an earlier release of the app: the same code with another
    /// spec, or once more. Then the release runs where that one does, unless the file names another cwd than for
    /// that one.
    Directory(Utf8PathBuf),
    /// A commit, whatever is checked out: the files of it and no others.
    Ref {
        /// A directory in the repository.
        inside: Utf8PathBuf,
        /// A branch, a tag, or whatever else Git takes for a commit (`gitrevisions(7)`).
        name: String,
    },
}

/// Code that is there.
pub(crate) enum Source {
    /// In a directory, given by its real path.
    Directory(Utf8PathBuf),
    /// In a repository.
    Commit(Commit),
}

impl Source {
    /// What becomes the top of the copy.
    pub(crate) fn top(&self) -> &Utf8Path {
        match self {
            Self::Directory(top) => top,
            Self::Commit(commit) => commit.top(),
        }
    }

    /// What it is called, if it is a commit.
    pub(crate) fn revision(&self) -> Option<Revision> {
        match self {
            Self::Directory(_) => None,
            Self::Commit(commit) => Some(commit.revision()),
        }
    }

    /// Writes it into `partial`, a release that is made, as its code. It runs in `below` of it.
    pub(crate) fn write(&self, partial: &Utf8Path, below: &Utf8Path) -> Result<(), Error> {
        let code = partial.join("code");
        match self {
            Self::Directory(from) => copy::tree(from.as_std_path(), code.as_std_path()),
            Self::Commit(commit) => commit.write(&code, &partial.join("index"), below),
        }
    }
}

impl Releases {
    /// The source, if it can be one, and the release of the app whose code it is, if it is.
    pub(crate) fn source(&self, app: &AppName, code: Code) -> Result<(Source, Option<Release>), Error> {
        let from = match code {
            Code::Directory(from) => from,
            Code::Ref { inside, name } => return Ok((Source::Commit(Commit::find(&inside, name)?), None)),
        };
        let source = from.canonicalize_utf8().tried("find", &from)?;
        if !source.is_dir() {
            return Err(Error::NoDirectory { path: from });
        }
        durable::make_directory(&self.apps())?;
        let home = self.home.canonicalize_utf8().tried("find", &self.home)?;
        let inside = source.starts_with(&home);
        if let Some(earlier) = self.with_code_in(app, &source)? {
            return Ok((Source::Directory(source), Some(earlier)));
        }
        if inside || home.starts_with(&source) {
            return Err(Error::Entangled { from, home, inside });
        }
        Ok((Source::Directory(source), None))
    }

    /// The release of an app that has its code in this directory, given by its real path.
    fn with_code_in(&self, app: &AppName, directory: &Utf8Path) -> Result<Option<Release>, Error> {
        let Some(id) = directory.parent().and_then(|place| place.file_name()?.parse::<ReleaseId>().ok())
        else {
            return Ok(None);
        };
        let code = self.directory(app, id).join("code").canonicalize_utf8();
        if code.is_ok_and(|code| code == directory) { self.read(app, id).map(Some) } else { Ok(None) }
    }
}
