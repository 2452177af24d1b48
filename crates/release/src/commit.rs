//! A commit's files, taken from the repository by the git command without touching what is checked out.
//!
//! `git read-tree` into an index of our own and `git checkout-index` from it: no other program is needed to unpack,
//! line ends and filters (Git LFS) are as in a checkout, and neither the repository's own index nor its work tree is
//! read or written. Submodules are empty directories, as after `git clone`.

use crate::error::{Error, NoCommit, Tried};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::release::Revision;
use std::io;
use std::process::{Command, Stdio};

/// What would lead git to another repository than the one that we name: `git rev-parse --local-env-vars`. Whoever
/// started us may have been a hook.
const LEADS_ASTRAY: [&str; 10] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_NAMESPACE",
];

/// A commit that is there.
#[derive(Debug)]
pub(crate) struct Commit {
    /// The directory that was named.
    inside: Utf8PathBuf,
    /// What the user called it.
    name: String,
    /// The top of the repository's work tree.
    top: Utf8PathBuf,
    /// Its object name.
    id: String,
}

impl Commit {
    /// The commit that `name` is in the repository of the directory `inside`.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub(crate) fn find(inside: &Utf8Path, name: String) -> Result<Self, Error> {
        let why = |why| Error::Git { name: name.clone(), inside: inside.to_owned(), why };
        let top = match git(inside, &["rev-parse", "--show-toplevel"]).map_err(why)? {
            Said::Done(top) => Utf8PathBuf::from(top),
            Said::Failed(words) if words.contains("not a git repository") => {
                return Err(why(NoCommit::NoRepository));
            }
            Said::Failed(words) => return Err(why(NoCommit::Refused(words))),
        };
        // No branch and no tag begins so (`git-check-ref-format(1)`), but options do.
        if name.is_empty() || name.starts_with('-') {
            return Err(why(NoCommit::Unknown));
        }
        let wanted = format!("{name}^{{commit}}");
        match git(inside, &["rev-parse", "--quiet", "--verify", &wanted]).map_err(why)? {
            Said::Done(id) => Ok(Self { inside: inside.to_owned(), name, top, id }),
            Said::Failed(words) if words.is_empty() => Err(why(NoCommit::Unknown)),
            Said::Failed(words) => Err(why(NoCommit::Refused(words))),
        }
    }

    /// The top of the repository's work tree.
    pub(crate) fn top(&self) -> &Utf8Path {
        &self.top
    }

    /// What it is called.
    pub(crate) fn revision(&self) -> Revision {
        Revision { name: self.name.clone(), commit: self.id.clone() }
    }

    /// Writes its files into the directory `to`, which must not exist, by way of the file `index`.
    ///
    /// # Errors
    /// [`Error::Git`], also if it has no directory `below`.
    pub(crate) fn write(&self, to: &Utf8Path, index: &Utf8Path, below: &Utf8Path) -> Result<(), Error> {
        let why = |why| Error::Git { name: self.name.clone(), inside: self.inside.clone(), why };
        std::fs::create_dir(to).tried("make the directory", to)?;
        let prefix = format!("--prefix={to}/");
        for words in [&["read-tree", &self.id][..], &["checkout-index", "--all", "--quiet", &prefix]] {
            let mut command = command(&self.top);
            command.env("GIT_INDEX_FILE", index).args(words);
            if let Said::Failed(words) = run(command).map_err(why)? {
                return Err(why(NoCommit::Refused(words)));
            }
        }
        std::fs::remove_file(index).tried("remove", index)?;
        if to.join(below).is_dir() { Ok(()) } else { Err(why(NoCommit::NotThere(below.to_owned()))) }
    }
}

/// What came of a command.
enum Said {
    /// What it wrote to stdout, without the line's end.
    Done(String),
    /// What it wrote to stderr, in one line.
    Failed(String),
}

fn git(at: &Utf8Path, words: &[&str]) -> Result<Said, NoCommit> {
    let mut command = command(at);
    command.args(words);
    run(command)
}

fn command(at: &Utf8Path) -> Command {
    let mut command = Command::new("git");
    for name in LEADS_ASTRAY {
        command.env_remove(name);
    }
    // In words that we know, and never asking anybody.
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").arg("-C").arg(at).stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Result<Said, NoCommit> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NoCommit::NoGit,
        _ => NoCommit::Refused(error.to_string()),
    })?;
    let words =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        return Ok(Said::Done(text.strip_suffix('\n').unwrap_or(&text).to_owned()));
    }
    Ok(Said::Failed(words(&output.stderr)))
}
