//! The numbers that an app's next instance and release get. None is given twice, not even to an app that was
//! deleted and comes back: the logs, and whoever reads them, tell instances apart by nothing else.

use gapless_model::AppName;
use gapless_store::Change;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the setting that keeps those of an app.
const SETTING: &str = "numbers:";

/// The next numbers of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Next {
    pub(super) instance: u32,
    pub(super) release: u32,
}

/// The next numbers of the apps that were deleted.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<AppName, Next>);

impl Numbers {
    /// What the journal keeps of them.
    pub(super) fn recall(settings: &BTreeMap<String, String>) -> Self {
        let of_apps = settings.iter().filter_map(|(name, value)| {
            let app = name.strip_prefix(SETTING)?.parse().ok()?;
            Some((app, serde_json::from_str(value).ok()?))
        });
        Self(of_apps.collect())
    }

    /// Keeps those of an app that is forgotten.
    pub(super) fn keep(&mut self, app: &AppName, next: Next) -> Change {
        self.0.insert(app.clone(), next);
        let value = serde_json::to_string(&next).unwrap_or_default();
        Change::PutSetting { name: format!("{SETTING}{app}"), value }
    }

    /// Those with which an app begins that is new, or was deleted.
    pub(super) fn next(&self, app: &AppName) -> Next {
        self.0.get(app).copied().unwrap_or(Next { instance: 1, release: 1 })
    }
}
