//! The environment of an app: `env_file`, then `pass_env` over it, then `env`.

use super::directory::join;
use super::whole::Surroundings;
use crate::document::{Section, Written};
use crate::env_file;
use crate::nearest;
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::Utf8Path;
use std::collections::BTreeMap;

/// Given to each instance by Gapless itself, or by its protocols; from the user they would lie.
const OURS: [&str; 5] = ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "GAPLESS_"];

/// The variables of an app.
pub(super) fn of_app(
    section: &Section,
    port: Option<&Written<u16>>,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    from_file(section, around, &mut env, problems);
    passed(section, around, &mut env, problems);
    for variable in section.env("env") {
        let (name, value) = (&variable.name, &variable.value);
        let wrong = wrong_name(&name.value).map(|why| (why, name.span)).or_else(|| {
            let nul = value.value.contains('\0');
            nul.then(|| ("has a NUL byte in its value".to_owned(), value.span))
        });
        if let Some((why, span)) = wrong {
            let problem =
                Problem::new(format!("the variable {:?} in [{}.env] {why}", name.value, section.path));
            problems.add(problem.at(span, ""));
        } else {
            if let Some(port) =
                port.filter(|port| name.value == "PORT" && value.value != port.value.to_string())
            {
                problems.add(
                    Problem::new(format!("PORT in [{}.env] and `port` differ", section.path))
                        .at(value.span, "the app is told to ask for this one")
                        .at(port.span, "and said to ask for this one")
                        .help("leave one of them out; each means the port that the app itself asks for"),
                );
            }
            env.insert(name.value.clone(), value.value.clone());
        }
    }
    env
}

fn from_file(
    section: &Section,
    around: &Surroundings<'_>,
    env: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) {
    let Some(written) = section.text("env_file") else { return };
    let (path, span) = (join(&around.directory, written), section.place("env_file"));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = format!("the env_file in [{}] cannot be read: {}", section.path, reason(&error));
            problems.add(Problem::new(what).at(span, format!("this is {path}")).help(meant(
                &path,
                Utf8Path::is_file,
                || format!("paths are relative to {}", around.directory),
            )));
            return;
        }
    };
    match env_file::parse(&bytes) {
        Err(wrong) => {
            // No look into the file: the lines around hold secrets.
            let problem = Problem::new(format!("{path}, line {}: {}", wrong.line, wrong.what));
            problems.add(problem.at(span, "this file").help(wrong.help));
        }
        Ok(variables) => {
            for (line, name, value) in variables {
                match wrong_name(&name) {
                    None => drop(env.insert(name, value)),
                    Some(why) => {
                        let problem =
                            Problem::new(format!("{path}, line {line}: the variable {name:?} {why}"));
                        problems.add(problem.at(span, "this file"));
                    }
                }
            }
        }
    }
}

fn passed(
    section: &Section,
    around: &Surroundings<'_>,
    env: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) {
    for name in section.names("pass_env") {
        if let Some(why) = wrong_name(&name.value) {
            let problem = Problem::new(format!("the variable {:?} in pass_env {why}", name.value));
            problems.add(problem.at(name.span, ""));
        } else if let Some(value) = around.caller_env.get(&name.value) {
            env.insert(name.value.clone(), value.clone());
        } else {
            let problem =
                Problem::new(format!("{} is not set, and [{}] passes it on", name.value, section.path))
                    .at(name.span, "not in the environment of this command");
            let known = around.caller_env.keys().map(String::as_str);
            problems.add(match nearest::of(&name.value, known) {
                Some(near) => {
                    problem.help(format!("did you mean `{near}`? Else set it: `export {}=…`", name.value))
                }
                None => problem.help(format!("set it before: `export {}=…`", name.value)),
            });
        }
    }
}

/// What is wrong with a name, as the end of a sentence.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("has no name".into());
    }
    if name.contains('=') {
        return Some("cannot have a `=` in its name".into());
    }
    if name.contains('\0') {
        return Some("cannot have a NUL byte in its name".into());
    }
    let ours =
        OURS.iter().any(|ours| if ours.ends_with('_') { name.starts_with(ours) } else { name == *ours });
    ours.then(|| "is set by Gapless itself for each instance".into())
}
