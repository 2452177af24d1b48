//! The `[admin]` table.

use super::directory::join;
use super::whole::Surroundings;
use crate::config::Admin;
use crate::document::{Section, Value};
use crate::keys::ADMIN;
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::{Utf8Path, Utf8PathBuf};
use std::io::ErrorKind;

/// Where Gapless is looked at, and what a client must know for that.
pub(super) fn of_file(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Admin {
    debug_assert!(ADMIN.key("listen").is_some());
    let listen = match section.get("listen") {
        Some(Value::Listen(listen)) => Some(*listen),
        _ => None,
    };
    Admin { listen, token_file: token_file(section, around, problems) }
}

/// That it cannot be read by whoever calls is no problem: it is read by whom Gapless runs as.
fn token_file(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Option<Utf8PathBuf> {
    let path = join(&around.directory, section.text("token_file")?);
    match std::fs::metadata(&path) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => {
            let problem =
                Problem::new(format!("the token_file in [admin] cannot be read: {}", reason(&error)));
            problems.add(problem.at(section.place("token_file"), format!("this is {path}")).help(meant(
                &path,
                Utf8Path::is_file,
                || "leave it out, and Gapless makes one in its home".to_owned(),
            )));
            None
        }
        _ => Some(path),
    }
}
