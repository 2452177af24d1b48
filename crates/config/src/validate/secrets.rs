//! Variables that come from files which nobody is shown.

use super::directory::join;
use super::environment::wrong_name;
use super::whole::Surroundings;
use crate::document::Section;
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// Where the secrets of an app are. That a file cannot be read by whoever calls is no problem: it is read by whom
/// Gapless runs as.
pub(super) fn of_app(
    section: &Section,
    env: &BTreeMap<String, String>,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Utf8PathBuf> {
    let mut secrets = BTreeMap::new();
    for variable in section.env("secrets") {
        let (name, written) = (&variable.name, &variable.value);
        let path = join(&around.directory, &written.value);
        let secret = format!("the secret {:?} in [{}]", name.value, section.path);
        if let Some(why) = wrong_name(&name.value) {
            problems.add(Problem::new(format!("{secret} {why}")).at(name.span, ""));
        } else if env.contains_key(&name.value) {
            let problem = Problem::new(format!("{secret} is a plain variable as well"));
            problems.add(
                problem.at(name.span, "from a file").help("leave it out of `env`, `env_file` and `pass_env`"),
            );
        } else {
            match std::fs::metadata(&path) {
                Ok(found) if found.is_dir() => {
                    let problem =
                        Problem::new(format!("{secret} is no file")).at(written.span, "this is a directory");
                    problems.add(problem.help("write the path of a file with nothing but the secret in it"));
                }
                Err(error) if error.kind() != ErrorKind::PermissionDenied => {
                    let problem = Problem::new(format!("{secret} cannot be read: {}", reason(&error)));
                    problems.add(problem.at(written.span, format!("this is {path}")).help(meant(
                        &path,
                        Utf8Path::is_file,
                        || format!("paths are relative to {}", around.directory),
                    )));
                }
                _ => drop(secrets.insert(name.value.clone(), path)),
            }
        }
    }
    secrets
}
