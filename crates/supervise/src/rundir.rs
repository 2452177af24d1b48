//! `GAPLESS_HOME/run`: what instances and Gapless meet by.

use crate::launch::LaunchError;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::InstanceId;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

/// The longest path of a Unix socket: `sun_path` less its NUL (`unix(7)`).
const SOCKET_PATH: usize = 107;

/// What the names of an instance's sockets and FIFOs have behind its own.
const SUFFIXES: [&str; 4] = [".sock", ".notify", ".out", ".err"];

/// The directory, and who has which name in it.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    home: Utf8PathBuf,
    run: Utf8PathBuf,
}

impl RunDir {
    /// The directory of `home`, made if it is missing, with `preload` in it.
    pub(crate) fn prepare(home: &Utf8Path, preload: &str) -> io::Result<Self> {
        let this = Self { home: home.to_owned(), run: home.join("run") };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&this.run)?;
        if let Err(error) = this.write_preload(preload) {
            // With an older one, as on a full disk, apps are still served.
            if !this.preload().exists() {
                return Err(error);
            }
            tracing::warn!(%error, "cannot renew the preload; the older one stays");
        }
        Ok(this)
    }

    /// Aside first: a Node process that is just starting must find the whole file.
    fn write_preload(&self, text: &str) -> io::Result<()> {
        if fs::read(self.preload()).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        let aside = self.run.join(".gapless-preload.cjs.new");
        let mut options = fs::OpenOptions::new();
        // Apps of other users read it as well, once there are any.
        let read_by = fs::metadata(self.preload()).map_or(0, |old| old.permissions().mode() & 0o044);
        let mut file = options.write(true).create(true).truncate(true).mode(0o600 | read_by).open(&aside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(aside, self.preload())
    }

    /// `GAPLESS_HOME`.
    pub(crate) fn home(&self) -> &Utf8Path {
        &self.home
    }

    /// The file that Node loads first.
    pub(crate) fn preload(&self) -> Utf8PathBuf {
        self.run.join("gapless-preload.cjs")
    }

    /// The socket on which an instance serves; in a directory of its own where that is `another` user's.
    pub(crate) fn socket(&self, instance: &InstanceId, another: bool) -> Utf8PathBuf {
        if another { self.place(instance).join("sock") } else { self.run.join(format!("{instance}.sock")) }
    }

    /// The directory of an instance of another user.
    fn place(&self, instance: &InstanceId) -> Utf8PathBuf {
        self.run.join(instance.to_string())
    }

    /// Makes a directory of its own for an instance of `another` user, still ours, and opens the way to it and to
    /// `cwd`, as far as that is in the home: to be gone through, not to be looked around in. None for one of ours.
    pub(crate) fn make_place(
        &self,
        instance: &InstanceId,
        another: bool,
        cwd: &Utf8Path,
    ) -> io::Result<Option<Utf8PathBuf>> {
        if !another {
            return Ok(None);
        }
        let place = self.place(instance);
        fs::DirBuilder::new().mode(0o700).create(&place)?;
        let inside = cwd.strip_prefix(&self.home).map_or(0, |inside| inside.components().count());
        let above = cwd.ancestors().skip(1).take(inside);
        for directory in [self.home.as_path(), &self.run].into_iter().chain(above) {
            allow(directory, 0o011)?;
        }
        allow(&self.preload(), 0o044)?;
        Ok(Some(place))
    }

    /// The socket on which it says that it is ready.
    pub(crate) fn notify(&self, instance: &InstanceId) -> Utf8PathBuf {
        self.run.join(format!("{instance}.notify"))
    }

    /// The FIFOs of its stdout and stderr.
    pub(crate) fn output(&self, instance: &InstanceId) -> [Utf8PathBuf; 2] {
        ["out", "err"].map(|stream| self.run.join(format!("{instance}.{stream}")))
    }

    /// Whether the sockets of `instance` have names that fit.
    pub(crate) fn check(&self, instance: &InstanceId) -> Result<(), LaunchError> {
        for path in [self.socket(instance, false), self.notify(instance)] {
            if path.as_str().len() > SOCKET_PATH {
                let length = path.as_str().len();
                return Err(LaunchError::LongPath { instance: instance.clone(), path, length });
            }
        }
        Ok(())
    }

    /// Takes a socket away that nobody is bound to any more.
    pub(crate) fn clear_socket(&self, instance: &InstanceId) -> io::Result<()> {
        remove(&self.socket(instance, false))?;
        // Whatever that user has put there; links in it are not followed.
        gone(fs::remove_dir_all(self.place(instance)))
    }

    /// Takes everything of an instance away.
    pub(crate) fn forget(&self, instance: &InstanceId) -> io::Result<()> {
        let [out, err] = self.output(instance);
        self.clear_socket(instance)?;
        [self.notify(instance), out, err].iter().try_for_each(|path| remove(path))
    }

    /// Takes away what is there of instances that nobody knows: a control that was killed just then had forgotten them,
    /// and had not come to tidy up.
    pub(crate) fn forget_others(&self, is_known: impl Fn(&InstanceId) -> bool) -> io::Result<()> {
        let names = self.run.read_dir_utf8()?.filter_map(|entry| Some(entry.ok()?.file_name().to_owned()));
        let instance = |name: String| {
            let place = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
            place.parse::<InstanceId>().ok()
        };
        let others: BTreeSet<InstanceId> = names.filter_map(instance).filter(|id| !is_known(id)).collect();
        others.iter().try_for_each(|id| self.forget(id))
    }
}

/// Adds rights to those that a file or directory of ours gives.
fn allow(path: &Utf8Path, rights: u32) -> io::Result<()> {
    let now = fs::metadata(path)?.permissions().mode() & 0o7777;
    if now | rights == now {
        Ok(())
    } else {
        fs::set_permissions(path, fs::Permissions::from_mode(now | rights))
    }
}

fn remove(path: &Utf8Path) -> io::Result<()> {
    gone(fs::remove_file(path))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preload_is_there_for_its_owner_only() {
        let temporary = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(temporary.path()).unwrap().join("a/home");
        RunDir::prepare(&home, "old").unwrap();
        let run = RunDir::prepare(&home, "// new").unwrap();
        assert_eq!(fs::read_to_string(run.preload()).unwrap(), "// new");
        let mode = |path: &Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&run.preload()), mode(&home.join("run"))), (0o600, 0o700));
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_said_so() {
        let home = Utf8PathBuf::from(format!("/{}", "h".repeat(90)));
        let run = RunDir { run: home.join("run"), home };
        let instance: InstanceId = "some-app-1".parse().unwrap();
        let message = run.check(&instance).unwrap_err().to_string();
        assert!(
            message.contains("113 bytes long")
                || message.contains("bytes long; a Unix socket path has at most 107"),
            "{message}"
        );
        let short = RunDir { home: "/h".into(), run: "/h/run".into() };
        assert_eq!(short.check(&instance), Ok(()));
    }
}
