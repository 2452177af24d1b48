//! The file as a whole: read, validated, ready to be applied.

use crate::document;
use crate::nearest;
use crate::places::Places;
use crate::problem::{Problem, Problems, Report, Source};
use crate::source;
use crate::validate::{self, Surroundings};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::tls::TlsSpec;
use gapless_model::trust::Trust;
use gapless_model::{AccessLog, AppSpec, ErrorPages};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What a `gapless.toml` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The apps, at least one, in the order of the file.
    pub apps: Vec<AppSpec>,
    /// The `[proxy]` table, if the file has one.
    pub proxy: Option<Proxy>,
    /// The `[admin]` table, if the file has one.
    pub admin: Option<Admin>,
    /// The `[control]` table, if the file has one.
    pub control: Option<Control>,
    /// The `[tls]` table, if the file has one.
    pub tls: Option<TlsSpec>,
    /// Where in the file it says so.
    pub places: Places,
}

/// The `[admin]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where metrics are served; none for nowhere but on the control socket.
    pub listen: Option<SocketAddr>,
    /// The file with what a client must know, absolute; none for one that Gapless makes.
    pub token_file: Option<Utf8PathBuf>,
}

/// The `[control]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The group whose members may command.
    pub group: Option<String>,
    /// The group whose members may look, or `*` for everybody.
    pub readers: Option<String>,
}

/// The `[proxy]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How many workers; none means one per core.
    pub workers: Option<u32>,
    /// Whether requests are written to the access log.
    pub access_log: AccessLog,
    /// Whose word on the client that they speak for is believed.
    pub trust: Trust,
    /// What clients see when the proxy answers by itself.
    pub error_pages: ErrorPages,
}

/// The name of the file where none is given.
pub const FILE: &str = source::FILE;

impl Config {
    /// Reads and validates a file. Paths in it are relative to its directory; `caller_env` is the environment
    /// that `pass_env` takes from. Beside the file itself only directories and environment files named in it
    /// are looked at; nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn load(path: &Utf8Path, caller_env: &BTreeMap<String, String>) -> Result<Self, Report> {
        let text = source::read(path)?;
        let absolute = absolute(path)?;
        let directory = absolute.parent().unwrap_or(Utf8Path::new("/")).to_owned();
        Self::of(text, &Surroundings { directory, caller_env })
    }

    /// The same, of text that is already there. `name` is what messages call it; `directory` is absolute.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse(
        name: &str,
        text: String,
        directory: &Utf8Path,
        caller_env: &BTreeMap<String, String>,
    ) -> Result<Self, Report> {
        let around = Surroundings { directory: directory.to_owned(), caller_env };
        Self::of(source::named(name, text), &around)
    }

    fn of(text: Source, around: &Surroundings<'_>) -> Result<Self, Report> {
        let mut problems = Problems::of(text);
        let config =
            document::read(&mut problems).and_then(|top| validate::config(&top, around, &mut problems));
        problems.unless(config)
    }

    /// The apps of these names, in the order of the file; all of them if no name is given.
    ///
    /// # Errors
    /// Names that no app has, each with the nearest that one has.
    pub fn select(&self, names: &[String]) -> Result<Vec<AppSpec>, Report> {
        let known = || self.apps.iter().map(|app| app.name.as_str());
        let unknown: Vec<Problem> = names
            .iter()
            .filter(|name| !known().any(|app| app == name.as_str()))
            .map(|name| {
                let problem = Problem::new(format!("the file has no app `{name}`"));
                let all = format!("its apps are {}", nearest::listed(known()));
                match nearest::of(name, known()) {
                    Some(near) => problem.help(format!("did you mean `{near}`? {}", sentence(&all))),
                    None => problem.help(all),
                }
            })
            .collect();
        if !unknown.is_empty() {
            return Err(Report::of("the names that were given", unknown));
        }
        let wanted = |app: &&AppSpec| names.is_empty() || names.iter().any(|name| name == app.name.as_str());
        Ok(self.apps.iter().filter(wanted).cloned().collect())
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, Report> {
    camino::absolute_utf8(path).map_err(|error| {
        let why = source::reason(&error);
        Report::one(path, Problem::new(format!("cannot tell where {path} is: {why}")))
    })
}
