//! Where an installation keeps its state.

use crate::errors::Error;
use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that names it.
pub(crate) const VARIABLE: &str = "GAPLESS_HOME";

/// The home by `--home`, else by `GAPLESS_HOME`, else by who asks: `/var/lib/gapless` for root, the XDG state
/// directory (XDG Base Directory Specification 0.8) for everyone else. Absolute.
pub(crate) fn resolve(
    option: Option<PathBuf>,
    env: impl Fn(&str) -> Option<OsString>,
    root: bool,
) -> Result<PathBuf, Error> {
    let named = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The specification says that relative paths in its variables are to be ignored.
    let xdg = || named("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let path = option
        .or_else(|| named(VARIABLE))
        .or_else(|| root.then(|| PathBuf::from("/var/lib/gapless")))
        .or_else(|| xdg().map(|state| state.join("gapless")))
        .or_else(|| named("HOME").map(|home| home.join(".local/state/gapless")))
        .ok_or_else(|| {
            Error::usage("there is no place for Gapless's state: HOME is not set")
                .hint("name one with `--home DIR`")
        })?;
    std::path::absolute(&path)
        .map_err(|e| Error::usage(format!("{} is no directory to keep state in: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(option: Option<&str>, env: &[(&str, &str)], root: bool) -> String {
        let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        resolve(option.map(PathBuf::from), env, root).unwrap().display().to_string()
    }

    #[test]
    fn the_nearer_word_wins() {
        let env = [("GAPLESS_HOME", "/srv/g"), ("XDG_STATE_HOME", "/x"), ("HOME", "/home/ann")];
        assert_eq!(resolved(Some("/opt/g"), &env, true), "/opt/g");
        assert_eq!(resolved(None, &env, true), "/srv/g");
        assert_eq!(resolved(None, &env[1..], true), "/var/lib/gapless");
        assert_eq!(resolved(None, &env[1..], false), "/x/gapless");
        assert_eq!(resolved(None, &env[2..], false), "/home/ann/.local/state/gapless");
        assert_eq!(
            resolved(None, &[("XDG_STATE_HOME", "rel"), ("HOME", "/h")], false),
            "/h/.local/state/gapless"
        );
    }

    #[test]
    fn without_any_of_them_it_says_how_to_name_one() {
        let error = resolve(None, |_| None, false).unwrap_err();
        assert!(error.to_string().contains("HOME is not set"));
    }
}
