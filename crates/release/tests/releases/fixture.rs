//! A `GAPLESS_HOME` and a source beside it.

use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::probe::{ProbeKind, ProbeSpec};
use gapless_model::release::StopSpec;
use gapless_model::{AddressMode, AppName, CommandLine, Release, ReleaseId, ReleaseSpec, Signal};
use gapless_release::{Code, Error, Order, Releases};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Fixture {
    directory: TempDir,
    pub(crate) releases: Releases,
    pub(crate) app: AppName,
}

/// An order for a release with this code, or in place.
pub(crate) fn order(app: &AppName, id: u32, spec: ReleaseSpec, code: Option<&Utf8Path>) -> Order {
    let base_env = BTreeMap::from([("PATH".into(), "/usr/bin".into())]);
    let code = code.map(|from| Code::Directory(from.to_owned()));
    Order { app: app.clone(), id: ReleaseId(id), spec, base_env, reload_of: None, code }
}

/// Makes one.
pub(crate) fn make(
    releases: &Releases,
    app: &AppName,
    id: u32,
    spec: ReleaseSpec,
    code: Option<&Utf8Path>,
) -> Result<Release, Error> {
    releases.make(vec![order(app, id, spec, code)]).map(|mut made| made.remove(0))
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().canonicalize().unwrap()).unwrap();
        std::fs::create_dir(root.join("source")).unwrap();
        Self { releases: Releases::new(root.join("home")), directory, app: "api".parse().unwrap() }
    }

    pub(crate) fn root(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().canonicalize().unwrap()).unwrap()
    }

    pub(crate) fn source(&self) -> Utf8PathBuf {
        self.root().join("source")
    }

    /// The directory of the app below the home.
    pub(crate) fn place(&self) -> Utf8PathBuf {
        self.root().join("home/apps/api")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.source().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn spec(&self, cwd: &Utf8Path) -> ReleaseSpec {
        ReleaseSpec {
            command: CommandLine::Words(vec!["node".into(), "server.js".into()]),
            cwd: cwd.to_owned(),
            port: Some(3000),
            address: AddressMode::Auto,
            env: BTreeMap::from([("TOKEN".into(), "secret".into())]),
            startup: None,
            ready: ProbeSpec {
                kind: ProbeKind::Tcp,
                interval: Duration::from_millis(500),
                timeout: Duration::from_secs(2),
                successes: 1,
                failures: 3,
            },
            protocol: Default::default(),
            start_deadline: Duration::from_secs(60),
            secrets: Default::default(),
            process: Default::default(),
            live: None,
            stop: StopSpec {
                signal: Signal::Term,
                to: gapless_model::release::StopTarget::Group,
                timeout: Duration::from_secs(30),
            },
        }
    }

    pub(crate) fn in_place(&self, id: u32) -> Release {
        let spec = self.spec(&self.source());
        make(&self.releases, &self.app, id, spec, None).unwrap()
    }

    pub(crate) fn copy(&self, id: u32) -> Result<Release, Error> {
        self.copy_of(id, &self.source())
    }

    pub(crate) fn copy_of(&self, id: u32, from: &Utf8Path) -> Result<Release, Error> {
        make(&self.releases, &self.app, id, self.spec(&self.source()), Some(from))
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.releases.ids(&self.app).unwrap().into_iter().map(|id| id.0).collect()
    }

    /// Everything in the directory of releases, also what is aside.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .place()
            .join("releases")
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        names.sort();
        names
    }
}
