//! The part of the caller's environment that becomes part of a release.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Whether a variable says who the caller is and where programs are, and nothing about the app: what an app
/// needs beyond these belongs into its config, where everybody can see it.
fn belongs(name: &str) -> bool {
    matches!(name, "PATH" | "HOME" | "USER" | "LOGNAME" | "SHELL" | "LANG" | "TZ" | "TMPDIR")
        || name.starts_with("LC_")
}

/// Those of `vars` that go with a release; values that are not UTF-8 cannot travel and are left out.
pub(crate) fn select(vars: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    vars.into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| belongs(name))
        .collect()
}

/// The caller's own.
pub(crate) fn of_caller() -> BTreeMap<String, String> {
    select(std::env::vars_os())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_where_go_along_and_nothing_else() {
        let vars = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("TMPDIR", "/t"),
            ("PWD", "/"),
        ];
        let chosen = select(vars.map(|(n, v)| (n.into(), v.into())));
        assert_eq!(chosen.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH", "TMPDIR"]);
    }
}
