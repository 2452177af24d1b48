//! A second memory, for when the journal cannot be read: each app's definition as a file beside its
//! releases. Written whenever the journal gets it, read only in need.

use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::{AppName, AppSpec, Release, ReleaseId};
use gapless_release::Releases;
use gapless_store::{AppRecord, State, Wanted};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

const FILE: &str = "app.json";

#[derive(Serialize, Deserialize)]
struct Memo {
    spec: AppSpec,
    wanted_running: bool,
    #[serde(default)]
    deleted: bool,
    current: Option<ReleaseId>,
    next_instance: u32,
    next_release: u32,
}

/// Writes an app's definition down; the file is whole at any time.
pub(crate) fn remember(home: &Utf8Path, record: AppRecord) -> io::Result<()> {
    let directory = home.join("apps").join(record.name().as_str());
    let AppRecord { spec, wanted, current, next_instance, next_release } = record;
    let (wanted_running, deleted) = (wanted == Wanted::Running, wanted == Wanted::Deleted);
    let memo = Memo { spec, wanted_running, deleted, current, next_instance, next_release };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let aside = directory.join(".app.json.new");
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    serde_json::to_writer(io::BufWriter::new(file), &memo)?;
    fs::rename(aside, directory.join(FILE))
}

/// What the files say. An app whose file cannot be read is left out.
pub(crate) fn recall(home: &Utf8Path, releases: &Releases) -> State {
    let mut state = State::default();
    let Ok(entries) = fs::read_dir(home.join("apps")) else { return state };
    for path in entries.filter_map(|e| Utf8PathBuf::from_path_buf(e.ok()?.path()).ok()) {
        match read(&path, releases) {
            Ok((record, kept)) => {
                let name: AppName = record.name().clone();
                state.releases.extend(kept.into_iter().map(|r| ((name.clone(), r.id), r)));
                state.apps.insert(name, record);
            }
            Err(error) => tracing::error!("{path} says nothing of its app: {error}"),
        }
    }
    state
}

fn read(directory: &Utf8Path, releases: &Releases) -> io::Result<(AppRecord, Vec<Release>)> {
    let memo: Memo = serde_json::from_slice(&fs::read(directory.join(FILE))?)?;
    let Memo { spec, wanted_running, deleted, current, next_instance, next_release } = memo;
    let wanted = match (deleted, wanted_running) {
        (true, _) => Wanted::Deleted,
        (false, true) => Wanted::Running,
        (false, false) => Wanted::Stopped,
    };
    let told = |kept: &Result<Release, _>| _ = kept.as_ref().inspect_err(|error| tracing::error!("{error}"));
    let kept =
        releases.list(&spec.name).map_err(io::Error::other)?.into_iter().inspect(told).flatten().collect();
    Ok((AppRecord { spec, wanted, current, next_instance, next_release }, kept))
}
