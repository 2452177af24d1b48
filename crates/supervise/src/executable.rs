//! The file that a command's first word means, in the release's world, not in ours.

use camino::Utf8Path;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is searched where nobody says (as `sh` does).
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The absolute path of `program`: as it is if it has a `/` (relative to `cwd`), else the first match in
/// `path`, the release's `PATH`.
///
/// # Errors
/// A message for people that says what was looked for, and where.
pub(crate) fn find(program: &str, cwd: &Utf8Path, path: Option<&str>) -> Result<PathBuf, String> {
    if program.contains('/') {
        let file = cwd.join(program).into_std_path_buf();
        return match kind(&file) {
            Kind::Program => Ok(file),
            Kind::Other(why) => Err(format!("cannot run {program:?}: {} {why}", file.display())),
        };
    }
    let path = path.unwrap_or(DEFAULT_PATH);
    let mut near_miss = None;
    for directory in path.split(':') {
        let file = cwd.join(directory).join(program).into_std_path_buf();
        match kind(&file) {
            Kind::Program => return Ok(file),
            Kind::Other(why) if why != MISSING => {
                near_miss.get_or_insert_with(|| format!("; {} {why}", file.display()));
            }
            Kind::Other(_) => {}
        }
    }
    Err(format!("cannot run {program:?}: not found in PATH {path}{}", near_miss.unwrap_or_default()))
}

const MISSING: &str = "does not exist";

enum Kind {
    Program,
    Other(&'static str),
}

fn kind(file: &Path) -> Kind {
    match fs::metadata(file) {
        Err(_) => Kind::Other(MISSING),
        Ok(about) if about.is_dir() => Kind::Other("is a directory"),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => Kind::Other("is not executable"),
        Ok(_) => Kind::Program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        let temporary = tempfile::tempdir().unwrap();
        for (name, mode) in [("tool", 0o755), ("text", 0o644)] {
            fs::write(temporary.path().join(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(temporary.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        temporary
    }

    #[test]
    fn the_releases_path_and_directory_are_searched() {
        let temporary = directory();
        let cwd = Utf8Path::from_path(temporary.path()).unwrap();
        let tool = temporary.path().join("tool");
        assert_eq!(find("./tool", cwd, None), Ok(cwd.join("./tool").into()));
        assert_eq!(find("tool", Utf8Path::new("/"), Some(&format!("/nowhere:{cwd}"))), Ok(tool.clone()));
        assert_eq!(find("tool", cwd, Some("/nowhere:")), Ok(tool), "an empty entry is the directory itself");
        assert_eq!(find("sh", cwd, None), Ok(find("sh", cwd, Some("/usr/local/bin:/usr/bin:/bin")).unwrap()));
    }

    #[test]
    fn what_is_not_found_is_named_with_where_it_was_looked_for() {
        let temporary = directory();
        let cwd = Utf8Path::from_path(temporary.path()).unwrap();
        let message = |program, path| find(program, cwd, path).unwrap_err();
        assert_eq!(message("foo", Some("/a:/b")), r#"cannot run "foo": not found in PATH /a:/b"#);
        assert_eq!(
            message("text", Some(cwd.as_str())),
            format!(r#"cannot run "text": not found in PATH {cwd}; {cwd}/text is not executable"#)
        );
        assert_eq!(message("./foo", None), format!(r#"cannot run "./foo": {cwd}/./foo does not exist"#));
        assert_eq!(message("/", None), r#"cannot run "/": / is a directory"#);
    }
}
