//! A copy of the journal, for another version to read before it is trusted with the journal itself: what it makes of
//! that, its migrations included, touches nothing.

use crate::core::{ADMIN, CONTROL, PROXY, TLS};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_api::request::{AdminSettings, ControlSettings, CopyRead, ProxySettings};
use gapless_model::tls::TlsSpec;
use gapless_store::{Journal, ReadError, State};
use serde::de::DeserializeOwned;

/// Its name in GAPLESS_HOME.
const NAME: &str = "journal.db.copy";

/// The copy. Removed when it goes.
#[derive(Debug)]
pub(super) struct Copy(Utf8PathBuf);

impl Copy {
    /// Makes it. What another one has left behind is gone first: its log would be taken for that of this one.
    ///
    /// # Errors
    /// There is no room for it, or the disk does not let us write.
    pub(super) async fn make(journal: &Journal, home: &Utf8Path) -> Result<Self, ReadError> {
        let copy = Self(home.join(NAME));
        copy.remove();
        journal.copy(&copy.0).await?;
        Ok(copy)
    }

    pub(super) fn path(&self) -> &Utf8Path {
        &self.0
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Most of them are never there.
            drop(std::fs::remove_file(format!("{}{suffix}", self.0)));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Reads a copy, as the version that is to take over does.
pub(super) fn read(copy: &Utf8Path) -> CopyRead {
    let state = match gapless_store::read_copy(copy) {
        Ok(state) => state,
        Err(error) => return CopyRead::Failed { why: error.to_string() },
    };
    let settings = setting::<ProxySettings>(&state, PROXY)
        .and_then(|()| setting::<AdminSettings>(&state, ADMIN))
        .and_then(|()| setting::<ControlSettings>(&state, CONTROL))
        .and_then(|()| setting::<TlsSpec>(&state, TLS));
    match settings {
        Ok(()) => CopyRead::Understood { apps: state.apps.len(), instances: state.instances.len() },
        Err(why) => CopyRead::Failed { why },
    }
}

/// Whether a table of the file is understood, if there is one.
fn setting<T: DeserializeOwned>(state: &State, name: &str) -> Result<(), String> {
    let Some(text) = state.settings.get(name) else { return Ok(()) };
    serde_json::from_str::<T>(text)
        .map(drop)
        .map_err(|error| format!("the settings of [{name}] in the journal are not understood: {error}"))
}
