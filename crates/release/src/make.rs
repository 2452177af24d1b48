//! Making a release.

use crate::error::{Error, Tried};
use crate::layout::Releases;
use crate::{aside, copy, durable, manifest};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::release::Mark;
use gapless_model::{AppName, Release, ReleaseId, ReleaseSpec, WallTime};
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Releases {
    /// A release that runs in the user's directory, without a copy of its code.
    ///
    /// Safe to repeat: if that release is there already, it is returned as it is.
    ///
    /// # Errors
    /// [`Error::Taken`] if the number has another release; or the system refuses. Then nothing is left.
    pub fn make_in_place(
        &self,
        app: &AppName,
        id: ReleaseId,
        spec: ReleaseSpec,
        base_env: BTreeMap<String, String>,
    ) -> Result<Release, Error> {
        let release = new_release(id, spec, base_env, None);
        self.make(app, release, |_| Ok(()))
    }

    /// A release with its own copy of the code in `from`.
    ///
    /// `spec` is as the user's file has it. If its cwd is `from` or below it, the release runs in the same
    /// place of the copy; else at the top of the copy. Everything else of it stays: a command that names a
    /// file of `from` by its absolute path runs that one, so relative paths are better. Changing `from` later
    /// changes nothing.
    ///
    /// `from` may be the code of an earlier release of the app: the same code with another spec, or once more.
    /// Then the release runs where that one does, unless the file names another cwd than for that one.
    ///
    /// Safe to repeat: if that release is there already, it is returned as it is.
    ///
    /// # Errors
    /// [`Error::NoDirectory`] and [`Error::Entangled`] for a source that cannot be one; [`Error::Taken`] if the
    /// number has another release; or the system refuses. Then nothing is left.
    pub fn make_copy(
        &self,
        app: &AppName,
        id: ReleaseId,
        spec: ReleaseSpec,
        base_env: BTreeMap<String, String>,
        from: &Utf8Path,
    ) -> Result<Release, Error> {
        let (source, earlier) = self.source(app, from)?;
        let code = self.directory(app, id).join("code");
        let place = earlier.filter(|e| e.declared_cwd == spec.cwd).map_or(spec.cwd.clone(), |e| e.spec.cwd);
        let cwd = moved(&place, &source, &code);
        let release = new_release(id, spec, base_env, Some((cwd, code)));
        self.make(app, release, |directory| {
            copy::tree(source.as_std_path(), directory.join("code").as_std_path())
        })
    }

    fn make(
        &self,
        app: &AppName,
        release: Release,
        fill: impl FnOnce(&Utf8Path) -> Result<(), Error>,
    ) -> Result<Release, Error> {
        let place = self.directory(app, release.id);
        match self.read(app, release.id) {
            Ok(there) if same(&there, &release) => return Ok(there),
            Ok(_) => return Err(Error::Taken { app: app.clone(), id: release.id, path: place }),
            Err(Error::Missing { .. }) => {}
            Err(other) => return Err(other),
        }
        let partial = aside::partial(&place);
        aside::remove(partial.as_std_path())?;
        let made = durable::make_directory(&partial)
            .and_then(|()| fill(&partial))
            .and_then(|()| manifest::write(&partial, &release))
            .and_then(|()| match release.code {
                Some(_) => durable::sync_tree(&partial),
                None => durable::sync_names(&partial),
            })
            .and_then(|()| durable::rename(&partial, &place));
        if let Err(error) = made {
            // The first error is the one to tell; what stays is swept later.
            let _ = aside::remove(partial.as_std_path());
            return Err(error);
        }
        Ok(release)
    }

    /// The real path of a source, if it can be one, and the release of the app whose code it is, if it is.
    fn source(&self, app: &AppName, from: &Utf8Path) -> Result<(Utf8PathBuf, Option<Release>), Error> {
        let source = from.canonicalize_utf8().tried("find", from)?;
        if !source.is_dir() {
            return Err(Error::NoDirectory { path: from.to_owned() });
        }
        durable::make_directory(&self.apps())?;
        let home = self.home.canonicalize_utf8().tried("find", &self.home)?;
        let inside = source.starts_with(&home);
        if let Some(earlier) = self.with_code_in(app, &source)? {
            return Ok((source, Some(earlier)));
        }
        if inside || home.starts_with(&source) {
            return Err(Error::Entangled { from: from.to_owned(), home, inside });
        }
        Ok((source, None))
    }

    /// The release of an app that has its code in this directory, given by its real path.
    fn with_code_in(&self, app: &AppName, directory: &Utf8Path) -> Result<Option<Release>, Error> {
        let Some(id) = directory.parent().and_then(|place| place.file_name()?.parse::<ReleaseId>().ok())
        else {
            return Ok(None);
        };
        let code = self.directory(app, id).join("code").canonicalize_utf8();
        if code.is_ok_and(|code| code == directory) { self.read(app, id).map(Some) } else { Ok(None) }
    }
}

/// A release, with its copy of the code and its cwd there if it has one.
fn new_release(
    id: ReleaseId,
    spec: ReleaseSpec,
    base_env: BTreeMap<String, String>,
    copy: Option<(Utf8PathBuf, Utf8PathBuf)>,
) -> Release {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let created = WallTime::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
    let declared_cwd = spec.cwd.clone();
    let (cwd, code) = match copy {
        None => (spec.cwd, None),
        Some((cwd, code)) => (cwd, Some(code)),
    };
    let spec = ReleaseSpec { cwd, ..spec };
    Release { id, spec, base_env, declared_cwd, code, reload_of: None, created, mark: Mark::Untried }
}

/// The same place below the copy; its top for one that is not in the source. Links to it are followed.
fn moved(cwd: &Utf8Path, source: &Utf8Path, code: &Utf8Path) -> Utf8PathBuf {
    let real = cwd.canonicalize_utf8().unwrap_or_else(|_| cwd.to_owned());
    match real.strip_prefix(source) {
        Ok(below) if !below.as_str().is_empty() => code.join(below),
        _ => code.to_owned(),
    }
}

/// The same but for when it was made and what became of it.
fn same(a: &Release, b: &Release) -> bool {
    (&a.spec, &a.base_env, &a.declared_cwd, &a.code) == (&b.spec, &b.base_env, &b.declared_cwd, &b.code)
}
