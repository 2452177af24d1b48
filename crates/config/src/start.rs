//! `gapless start SCRIPT|COMMAND`: an app without a file.
//!
//! The arguments become the lines that a file would have, and those are read as every file is: one way to
//! validate, and a message shows the lines that one could keep.

use crate::config::Config;
use crate::problem::{Problem, Report};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::AppName;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;

/// What was asked for on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// A script, or a program and its arguments. One word with blanks in it is a command line.
    pub words: Vec<String>,
    /// The app's name; else it is made of the script or program.
    pub name: Option<String>,
    /// A number, or `max`.
    pub instances: Option<String>,
    /// The port that the app itself asks for.
    pub port: Option<String>,
    /// Where clients connect; else on the app's own port, if it has one.
    pub listen: Option<String>,
    /// Where to run; absolute.
    pub cwd: Utf8PathBuf,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
}

/// What messages call the text.
const NAME: &str = "the command, as a file";

/// Runs a script whose name says what it is, if it cannot be executed by itself.
const INTERPRETERS: [(&str, &str); 8] = [
    ("js", "node"),
    ("mjs", "node"),
    ("cjs", "node"),
    ("py", "python3"),
    ("rb", "ruby"),
    ("pl", "perl"),
    ("php", "php"),
    ("sh", "sh"),
];

impl Config {
    /// The configuration of one app that is given on the command line.
    ///
    /// # Errors
    /// As for a file; the places are in the lines of [`Start::to_toml`].
    pub fn from_command(start: &Start) -> Result<Self, Report> {
        let text = start.to_toml().map_err(|problem| Report::one(NAME, problem))?;
        Self::parse(NAME, text, &start.cwd, &BTreeMap::new())
    }
}

impl Start {
    /// The lines that a `gapless.toml` in [`cwd`](Self::cwd) would have.
    ///
    /// # Errors
    /// A script that nobody knows how to run.
    pub fn to_toml(&self) -> Result<String, Problem> {
        let name = self.name.clone().unwrap_or_else(|| self.own_name());
        let mut text = format!("[apps.{}]\ncommand = {}\n", key(&name), self.command()?);
        // Writing to a String cannot fail.
        if let Some(instances) = &self.instances {
            let _ = writeln!(text, "instances = {}", number(instances));
        }
        if let Some(port) = &self.port {
            let _ = writeln!(text, "port = {}", number(port));
        }
        if !self.env.is_empty() {
            let pairs: Vec<String> =
                self.env.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
            let _ = writeln!(text, "env = {{ {} }}", pairs.join(", "));
        }
        if let Some(listen) = &self.listen {
            let listen = quoted(listen);
            let _ = write!(text, "\n[[apps.{}.routes]]\nlisten = {listen}\n", key(&name));
        }
        Ok(text)
    }

    fn command(&self) -> Result<String, Problem> {
        match self.words.as_slice() {
            [line] if line.contains(char::is_whitespace) && !self.cwd.join(line).is_file() => {
                Ok(quoted(line))
            }
            [] => Ok("[]".to_owned()),
            [first, rest @ ..] => {
                let words = program(&self.cwd, first)?;
                let words: Vec<String> = words.iter().chain(rest).map(|word| quoted(word)).collect();
                Ok(format!("[{}]", words.join(", ")))
            }
        }
    }

    /// The name of the script, or of the program; `npm start` and the like say nothing, there it is the
    /// directory's.
    fn own_name(&self) -> String {
        const NAMELESS: [&str; 6] = ["npm", "npx", "yarn", "pnpm", "bun", "deno"];
        let words: Vec<&str> = match self.words.as_slice() {
            [line] if !self.cwd.join(line).is_file() => line.split_whitespace().collect(),
            words => words.iter().map(String::as_str).collect(),
        };
        let stem = |word: &str| Utf8Path::new(word).file_stem().unwrap_or_default().to_owned();
        let script = words.iter().find(|word| self.cwd.join(word).is_file() && !word.starts_with('-'));
        let name = match (script, words.first()) {
            (Some(script), _) => stem(script),
            (None, Some(program)) if NAMELESS.contains(program) => {
                self.cwd.file_name().unwrap_or_default().to_owned()
            }
            (None, Some(program)) => stem(program),
            (None, None) => String::new(),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let mut name: String = name.chars().map(plain).collect();
        name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
        name.truncate(AppName::MAX);
        if name.is_empty() { "app".to_owned() } else { name }
    }
}

/// A program by name as it is; a file by what runs it.
fn program(cwd: &Utf8Path, word: &str) -> Result<Vec<String>, Problem> {
    let path = cwd.join(word);
    let Ok(about) = std::fs::metadata(&path) else { return Ok(vec![word.to_owned()]) };
    if !about.is_file() {
        return Ok(vec![word.to_owned()]);
    }
    let interpreter = path.extension().and_then(|end| INTERPRETERS.iter().find(|(known, _)| *known == end));
    if let Some((_, interpreter)) = interpreter {
        return Ok(vec![(*interpreter).to_owned(), word.to_owned()]);
    }
    if about.permissions().mode() & 0o111 == 0 {
        let problem =
            Problem::new(format!("{word} cannot be executed, and its name does not say what runs it"));
        return Err(problem.help(format!(
            "name the program as well: `gapless start PROGRAM {word}`; or `chmod +x {word}`"
        )));
    }
    // Without a slash the system would look for it in PATH only.
    Ok(vec![if word.contains('/') { word.to_owned() } else { format!("./{word}") }])
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    // A JSON string is a basic string of TOML; those over several lines cannot be keys.
    if bare { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

/// A number as it is; anything else in quotes, for the reader to judge.
fn number(text: &str) -> String {
    match text.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => quoted(text),
    }
}
