//! Between us and a program that runs as somebody else, or within limits of its own: a process of ours that becomes
//! that user, and then that program. It is the instance from its first moment on, by pid and start time.
//!
//! It says what went wrong by the pipe on its standard input, which closes by itself when it has become the program.

use crate::spawn::explained;
use camino::Utf8Path;
use gapless_model::process::ProcessSpec;
use gapless_sys::cgroup::Cgroup;
use gapless_sys::identity::{self, Identity};
use gapless_sys::stdin;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{chown, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What it exits with where it could not become the program (`EX_OSERR` of `sysexits.h`).
const FAILED: u8 = 71;

/// The words after `internal launch` by which this program becomes another one: in `cgroup`, as `spec` says, and with
/// the files in `own` for that user.
pub(crate) fn words(
    spec: &ProcessSpec,
    cgroup: Option<&Path>,
    own: &[&Utf8Path],
    program: &Path,
) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    words.extend(cgroup.into_iter().flat_map(|path| ["--cgroup".into(), path.into()]));
    let mut say = |name: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [name.into(), value.into()]));
    };
    say("--user", spec.user.clone());
    say("--group", spec.group.clone());
    say("--umask", spec.umask.map(|mask| format!("{mask:o}")));
    say("--nofile", spec.nofile.map(|most| most.to_string()));
    own.iter().for_each(|path| say("--own", Some(path.to_string())));
    words.extend(["--".into(), program.into()]);
    words
}

/// Becomes the program that the words name. Returns only if it could not.
pub fn launch(words: &[OsString]) -> ExitCode {
    let Ok(mut report) = stdin::take() else { return ExitCode::from(FAILED) };
    if let Err(message) = Orders::read(words).and_then(|orders| orders.follow()) {
        // Nobody is left to hear it if control is gone; it sees the exit code all the same.
        let _ = report.write_all(message.as_bytes());
    }
    ExitCode::from(FAILED)
}

/// What the words say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Orders {
    process: ProcessSpec,
    cgroup: Option<PathBuf>,
    own: Vec<PathBuf>,
    /// The program and its arguments.
    program: Vec<OsString>,
}

impl Orders {
    fn read(words: &[OsString]) -> Result<Self, String> {
        let mut orders = Self::default();
        let mut words = words.iter();
        while let Some(name) = words.next().filter(|word| *word != "--") {
            let bad = || format!("this program was told {} and does not understand it", name.display());
            let value = words.next().ok_or_else(bad)?;
            let text = || value.to_str().map(str::to_owned).ok_or_else(bad);
            match name.to_str() {
                Some("--user") => orders.process.user = Some(text()?),
                Some("--group") => orders.process.group = Some(text()?),
                Some("--umask") => {
                    orders.process.umask = Some(u32::from_str_radix(&text()?, 8).map_err(|_| bad())?);
                }
                Some("--nofile") => orders.process.nofile = Some(text()?.parse().map_err(|_| bad())?),
                Some("--cgroup") => orders.cgroup = Some(value.into()),
                Some("--own") => orders.own.push(value.into()),
                _ => return Err(bad()),
            }
        }
        orders.program = words.cloned().collect();
        Ok(orders)
    }

    /// # Errors
    /// A message for people.
    fn follow(&self) -> Result<(), String> {
        // First of all: whatever follows is within its limits.
        if let Some(path) = &self.cgroup {
            Cgroup::at(path)
                .take_in(std::process::id())
                .map_err(|error| format!("cannot enter its cgroup {}: {error}", path.display()))?;
        }
        let (file, arguments) = self.program.split_first().ok_or("there is no program to become")?;
        let file = Path::new(file);
        let mut program = Command::new(file);
        program.args(arguments);
        if let Some(most) = self.process.nofile {
            identity::set_open_files(most).map_err(|error| {
                let now = identity::most_open_files().map_or_else(|| "any number".to_owned(), |n| n.to_string());
                format!("cannot allow it {most} open files (`nofile`): {error}; without rights at most {now} can be given")
            })?;
        }
        let who = self.process.is_another().then(|| self.become_another(&mut program)).transpose()?;
        if let Some(mask) = self.process.umask {
            identity::set_umask(mask);
        }
        let error = program.exec();
        let shown = file.display();
        Err(match who {
            Some(who) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                format!(
                    "{who} may not run {shown}: the file and each directory above must be open to that user"
                )
            }
            _ => explained(&error, &shown.to_string()),
        })
    }

    /// Returns who that is, for people.
    fn become_another(&self, program: &mut Command) -> Result<String, String> {
        let ProcessSpec { user, group, .. } = &self.process;
        let identity =
            Identity::named(user.as_deref(), group.as_deref()).map_err(|error| error.to_string())?;
        let who = identity.user.as_ref().map_or_else(
            || format!("the user {} in the group {}", identity.uid, identity.gid),
            |user| format!("the user {}", user.name),
        );
        let cannot = |what: &str, error: std::io::Error| format!("cannot {what} {who}: {error}");
        // What it writes to is its own, so that it may open it by `/dev/stdout` too.
        let (out, err) = (std::io::stdout(), std::io::stderr());
        for stream in [out.as_fd(), err.as_fd()] {
            fchown(stream, Some(identity.uid), Some(identity.gid))
                .map_err(|error| cannot("give its output to", error))?;
        }
        for path in &self.own {
            chown(path, Some(identity.uid), Some(identity.gid))
                .map_err(|error| cannot(&format!("give {} to", path.display()), error))?;
        }
        identity.assume().map_err(|error| cannot("become", error))?;
        if let Some(user) = &identity.user {
            let names = [("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name)];
            for (name, value) in names {
                if std::env::var_os(name).is_none() {
                    program.env(name, value);
                }
            }
        }
        // We are where root could go. Most programs look at the way there again.
        let here = std::env::current_dir().map_err(|error| cannot("find the directory for", error))?;
        std::env::set_current_dir(&here).map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => format!(
                "{who} may not enter {}: each directory above must be open to that user (`chmod o+x`), or be deployed \
                 from with `gapless deploy --from`",
                here.display()
            ),
            _ => cannot("enter the directory as", error),
        })?;
        Ok(who)
    }
}

/// The program that we are, as it starts itself to become another one.
pub(crate) fn ourselves() -> Result<PathBuf, String> {
    let named =
        std::env::current_exe().map_err(|error| format!("cannot tell which program this is: {error}"))?;
    Ok(gapless_sys::program::again(OsStr::new(&named)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let process = ProcessSpec {
            user: Some("ann".into()),
            group: Some("77".into()),
            umask: Some(0o027),
            nofile: Some(4096),
            ..ProcessSpec::default()
        };
        let mut said =
            words(&process, Some(Path::new("/c")), &["/r/x".into(), "/r/y".into()], Path::new("/bin/x"));
        said.extend(["--user".into(), "--".into()]);
        let program = ["/bin/x", "--user", "--"].map(OsString::from).to_vec();
        let own = vec!["/r/x".into(), "/r/y".into()];
        assert_eq!(Orders::read(&said).unwrap(), Orders { process, cgroup: Some("/c".into()), own, program });
        assert_eq!(words(&ProcessSpec::default(), None, &[], Path::new("/x")), ["--", "/x"]);
        let later = ["--tomorrow", "1", "--", "/x"].map(OsString::from);
        assert!(Orders::read(&later).unwrap_err().contains("--tomorrow"));
    }
}
