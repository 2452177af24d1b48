//! The file of a unit.

use super::systemd::Manager;
use super::text::OURS;
use crate::errors::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where administrators put units (`systemd.unit(5)`).
const SYSTEM: &str = "/etc/systemd/system";

/// Where a manager looks for units that are made on its machine.
pub(crate) fn directory(manager: Manager, env: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Error> {
    match manager {
        Manager::System => Ok(SYSTEM.into()),
        Manager::User => {
            let config = env("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
            let config = config.or_else(|| env("HOME").map(|home| home.join(".config")));
            let config =
                config.ok_or_else(|| Error::usage("there is no place for a unit: HOME is not set"))?;
            Ok(config.join("systemd/user"))
        }
    }
}

/// What is there already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Former {
    /// Nothing.
    None,
    /// A unit of ours, with this text.
    Ours(String),
    /// Somebody else's.
    Strange,
}

/// What is in a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn former(path: &Path) -> io::Result<Former> {
    match fs::read_to_string(path) {
        Ok(text) if text.starts_with(OURS) => Ok(Former::Ours(text)),
        Ok(_) => Ok(Former::Strange),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Former::None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Former::Strange),
        Err(error) => Err(error),
    }
}

/// Writes a file as a whole: aside, then renamed. After an error there is what there was.
///
/// # Errors
/// The directory cannot be made or written.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    let mut aside = tempfile::NamedTempFile::new_in(directory)?;
    aside.write_all(text.as_bytes())?;
    aside.as_file().set_permissions(Permissions::from_mode(0o644))?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Back to what was there.
pub(crate) fn restore(path: &Path, former: &Former) -> io::Result<()> {
    match former {
        Former::Ours(text) => write(path, text),
        Former::None => fs::remove_file(path),
        Former::Strange => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_told_from_what_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/gapless.service");
        assert_eq!(former(&path).unwrap(), Former::None);
        let text = format!("{OURS}\n[Unit]\n");
        write(&path, &text).unwrap();
        assert_eq!(former(&path).unwrap(), Former::Ours(text));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left aside");
        fs::write(&path, "[Unit]\n").unwrap();
        assert_eq!(former(&path).unwrap(), Former::Strange);
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(former(&path).unwrap(), Former::Strange);
    }

    #[test]
    fn users_have_a_place_of_their_own() {
        let env = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/ann"));
        let place = directory(Manager::User, env).unwrap();
        assert_eq!(place, Path::new("/home/ann/.config/systemd/user"));
        assert!(directory(Manager::User, |_| None).is_err());
    }
}
