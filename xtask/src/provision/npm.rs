//! npm packages of the apps in this tree, from their lock files.

use crate::step::{root, run, tool};
use crate::trouble::Trouble;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Directories whose subdirectories may be apps with a lock file.
const PLACES: &[&str] = &["examples", "crates/e2e/apps"];

/// Installs the packages of every app that has a lock file and not yet what it names.
pub(crate) fn ensure() -> Result<(), Trouble> {
    for app in apps(&root())? {
        if is_stale(&app)? {
            eprintln!("npm packages of {}", app.strip_prefix(root()).unwrap_or(&app).display());
            install(&app)?;
        }
    }
    Ok(())
}

/// `npm ci`: exactly what the lock file names, and no scripts of strangers.
fn install(app: &Path) -> Result<(), Trouble> {
    let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    run(tool("npm", arguments).current_dir(app)).map_err(|trouble| Trouble::Missing {
        what: format!("the npm packages of {} ({trouble})", app.display()),
        how: format!("run `npm ci` in {} where the npm registry can be reached", app.display()),
    })
}

/// Apps with a lock file, in order of their paths.
fn apps(root: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let mut found = Vec::new();
    for place in PLACES {
        let place = root.join(place);
        if !place.is_dir() {
            continue;
        }
        let unreadable = |source| Trouble::File { verb: "read", path: place.clone(), source };
        for entry in fs::read_dir(&place).map_err(unreadable)? {
            let app = entry.map_err(unreadable)?.path();
            if app.join("package-lock.json").is_file() {
                found.push(app);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the lock file names packages and was changed after the last install. npm notes what it installed
/// in `node_modules/.package-lock.json`.
fn is_stale(app: &Path) -> Result<bool, Trouble> {
    let lock = app.join("package-lock.json");
    let unreadable = |source| Trouble::File { verb: "read", path: lock.clone(), source };
    let changed = fs::metadata(&lock).and_then(|about| about.modified()).map_err(unreadable)?;
    let installed: Option<SystemTime> =
        fs::metadata(app.join("node_modules/.package-lock.json")).and_then(|about| about.modified()).ok();
    if installed.is_some_and(|installed| installed >= changed) {
        return Ok(false);
    }
    let text = fs::read_to_string(&lock).map_err(unreadable)?;
    Ok(text.contains("\"node_modules/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LOCK: &str = r#"{ "lockfileVersion": 3, "packages": { "": {}, "node_modules/express": {} } }"#;

    fn app(lock: &str) -> tempfile::TempDir {
        let app = tempfile::tempdir().unwrap();
        fs::write(app.path().join("package-lock.json"), lock).unwrap();
        app
    }

    fn install_at(app: &Path, when: SystemTime) {
        fs::create_dir_all(app.join("node_modules")).unwrap();
        let note = fs::File::create(app.join("node_modules/.package-lock.json")).unwrap();
        note.set_modified(when).unwrap();
    }

    #[test]
    fn never_installed_is_stale() {
        assert!(is_stale(app(LOCK).path()).unwrap());
    }

    #[test]
    fn nothing_to_install_is_not_stale() {
        assert!(!is_stale(app(r#"{ "packages": { "": {} } }"#).path()).unwrap());
    }

    #[test]
    fn an_install_before_the_lock_changed_is_stale_and_one_after_is_not() {
        let app = app(LOCK);
        install_at(app.path(), SystemTime::now() - Duration::from_secs(3600));
        assert!(is_stale(app.path()).unwrap());
        install_at(app.path(), SystemTime::now() + Duration::from_secs(3600));
        assert!(!is_stale(app.path()).unwrap());
    }

    #[test]
    fn apps_are_those_with_a_lock_file() {
        let root = tempfile::tempdir().unwrap();
        for (app, locked) in [("express", true), ("bare", false)] {
            let app = root.path().join("examples").join(app);
            fs::create_dir_all(&app).unwrap();
            if locked {
                fs::write(app.join("package-lock.json"), LOCK).unwrap();
            }
        }
        assert_eq!(apps(root.path()).unwrap(), [root.path().join("examples/express")]);
    }
}
