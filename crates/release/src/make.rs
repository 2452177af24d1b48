//! Making a release.

use crate::error::{Error, Tried};
use crate::layout::Releases;
use crate::source::Code;
use crate::{aside, durable, manifest, remove};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::release::Mark;
use gapless_model::{AppName, Release, ReleaseId, ReleaseSpec, WallTime};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A release that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Of which app.
    pub app: AppName,
    /// Its number.
    pub id: ReleaseId,
    /// What to run, as the user's file has it.
    pub spec: ReleaseSpec,
    /// The environment that the command line brought along.
    pub base_env: BTreeMap<String, String>,
    /// The release that it is once more.
    pub reload_of: Option<ReleaseId>,
    /// Where to take the code from; none to run in the user's directory.
    ///
    /// If the spec's cwd is this directory (of a commit: the top of its repository) or below it, the release runs in
    /// the same place of the copy; else at the top of the copy. Everything else of the spec stays: a command that
    /// names a file of the source by its absolute path runs that one, so relative paths are better. Changing the
    /// source later changes nothing.
    pub code: Option<Code>,
}

/// A release on its way to its place.
struct Making {
    release: Release,
    place: Utf8PathBuf,
    stage: Stage,
}

/// How far it is.
enum Stage {
    /// It is made under this name.
    Aside(Utf8PathBuf),
    /// It is where it belongs.
    Placed,
}

impl Releases {
    /// Makes releases, all or none of them. Many cost little more than one: what goes through to the disk goes
    /// together.
    ///
    /// Their numbers are new: what is there under one of them was made by somebody who did not live to say so, and
    /// goes.
    ///
    /// # Errors
    /// [`Error::NoDirectory`], [`Error::Entangled`] and [`Error::Git`] for a source that cannot be one;
    /// [`Error::Taken`] for the number of the current release; or the system refuses. Then nothing is left.
    pub fn make(&self, orders: Vec<Order>) -> Result<Vec<Release>, Error> {
        let mut making = Vec::with_capacity(orders.len());
        let made = orders
            .into_iter()
            .try_for_each(|order| self.make_aside(order, &mut making))
            .and_then(|()| self.put_in_place(&mut making));
        if let Err(error) = made {
            for Making { place, stage, .. } in &making {
                // The first error is the one to tell; what stays is swept later.
                let _ = match stage {
                    Stage::Aside(partial) => aside::remove(partial.as_std_path()),
                    Stage::Placed => remove::discard(place),
                };
            }
            return Err(error);
        }
        Ok(making.into_iter().map(|making| making.release).collect())
    }

    fn make_aside(&self, order: Order, making: &mut Vec<Making>) -> Result<(), Error> {
        let Order { app, id, spec, base_env, reload_of, code } = order;
        let place = self.directory(&app, id);
        let (source, copy, revision) = match code {
            None => (None, None, None),
            Some(code) => {
                let (source, earlier) = self.source(&app, code)?;
                let to = place.join("code");
                let revision = source.revision().or_else(|| earlier.as_ref()?.revision.clone());
                let cwd =
                    earlier.filter(|e| e.declared_cwd == spec.cwd).map_or(spec.cwd.clone(), |e| e.spec.cwd);
                let cwd = moved(&cwd, source.top(), &to);
                (Some(source), Some((cwd, to)), revision)
            }
        };
        let release = Release { revision, reload_of, ..new_release(id, spec, base_env, copy) };
        if self.current(&app)? == Some(id) {
            return Err(Error::Taken { app, id, path: place });
        }
        // Whatever is there nobody knows of, or its number would not be given again: who made it ended, or the power
        // failed, before it was written down. It may have other code, even where all else of it is the same.
        remove::discard(&place)?;
        let partial = aside::partial(&place);
        aside::remove(partial.as_std_path())?;
        making.push(Making { release: release.clone(), place, stage: Stage::Aside(partial.clone()) });
        durable::make_directory(&partial)?;
        if let Some(source) = source {
            let below = release.code.as_deref().and_then(|code| release.spec.cwd.strip_prefix(code).ok());
            source.write(&partial, below.unwrap_or(Utf8Path::new("")))?;
        }
        manifest::write(&partial, &release)
    }

    /// Gives what was made aside its names. Code is written through to the disk before, and that it is there after;
    /// what is but a manifest has all of it in the journal as well, and is left to [`Releases::settle`].
    fn put_in_place(&self, making: &mut [Making]) -> Result<(), Error> {
        let copied = making.iter().any(|m| m.release.code.is_some());
        if copied {
            self.settle()?;
        }
        for Making { place, stage, .. } in &mut *making {
            let Stage::Aside(partial) = stage else { continue };
            std::fs::rename(&*partial, &*place).tried("rename", &*partial)?;
            *stage = Stage::Placed;
        }
        if copied { self.settle() } else { Ok(()) }
    }

    /// Writes all releases through to the disk, by one call for the whole file system: it may take as long as others
    /// have something to be written there.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn settle(&self) -> Result<(), Error> {
        durable::sync_tree(&self.apps())
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
    Release {
        id,
        spec,
        base_env,
        declared_cwd,
        code,
        revision: None,
        reload_of: None,
        created,
        mark: Mark::Untried,
    }
}

/// The same place below the copy; its top for one that is not in the source. Links to it are followed.
fn moved(cwd: &Utf8Path, source: &Utf8Path, code: &Utf8Path) -> Utf8PathBuf {
    let real = cwd.canonicalize_utf8().unwrap_or_else(|_| cwd.to_owned());
    match real.strip_prefix(source) {
        Ok(below) if !below.as_str().is_empty() => code.join(below),
        _ => code.to_owned(),
    }
}
