//! Which unit runs an installation: written down in it, so that whatever brings it up again does so by the unit.

use super::systemd::Manager;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) manager: Manager,
    pub(crate) unit: String,
}

fn file(home: &Path) -> PathBuf {
    home.join("unit")
}

impl Mark {
    /// The unit of an installation.
    pub(crate) fn of(home: &Path) -> Option<Self> {
        let text = fs::read_to_string(file(home)).ok()?;
        let (manager, unit) = text.trim().split_once(' ')?;
        let manager = match manager {
            "system" => Manager::System,
            "user" => Manager::User,
            _ => return None,
        };
        Some(Self { manager, unit: unit.to_owned() })
    }

    /// Writes it down.
    pub(crate) fn write(&self, home: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
        let manager = match self.manager {
            Manager::System => "system",
            Manager::User => "user",
        };
        fs::write(file(home), format!("{manager} {}\n", self.unit))
    }

    /// Forgets it, if it is this one.
    pub(crate) fn remove(&self, home: &Path) -> io::Result<()> {
        if Self::of(home).as_ref() == Some(self) { fs::remove_file(file(home)) } else { Ok(()) }
    }
}

/// Has the unit of an installation started, if it has one and its manager runs. Whether that was so.
pub(crate) fn start(home: &Path) -> bool {
    let Some(Mark { manager, unit }) = Mark::of(home).filter(|mark| mark.manager.runs()) else {
        return false;
    };
    match manager.does(&["start", &unit]) {
        Ok(()) => true,
        Err(error) => {
            crate::screen::err(&error.render());
            crate::screen::err("going on without the unit, under a keeper of Gapless's own\n");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Mark::of(home.path()), None);
        let mark = Mark { manager: Manager::User, unit: "gapless.service".into() };
        mark.write(home.path()).unwrap();
        assert_eq!(Mark::of(home.path()), Some(mark.clone()));
        Mark { manager: Manager::System, ..mark.clone() }.remove(home.path()).unwrap();
        assert_eq!(Mark::of(home.path()), Some(mark.clone()));
        mark.remove(home.path()).unwrap();
        assert_eq!(Mark::of(home.path()), None);
    }
}
