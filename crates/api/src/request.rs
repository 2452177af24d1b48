//! What a client asks for.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /v1/status` | | [`Status`](crate::Status) |
//! | `POST /v1/check` | [`ApplyRequest`] | list of pairs: app, and what `apply` would change in words; nothing is changed |
//! | `POST /v1/apply` | [`ApplyRequest`] | [`ApplyResult`] |
//! | `POST /v1/apps/APP/deploy` | [`DeployRequest`] | [`RolloutTicket`] |
//! | `POST /v1/apps/APP/reload` | [`ReloadRequest`], or none | [`RolloutTicket`] |
//! | `POST /v1/apps/APP/rollback` | [`RollbackRequest`] | [`RolloutTicket`] |
//! | `POST /v1/apps/APP/restart`, `/stop`, `/start`, `/pause`, `/resume`, `/abort`, `/promote` | | [`Done`] |
//! | `POST /v1/apps/APP/scale` | [`ScaleRequest`] | [`Done`] |
//! | `DELETE /v1/apps/APP` | | [`Done`] |
//! | `GET /v1/rollouts/N/follow` | | lines of [`Progress`](crate::Progress), the last is `ended` |
//! | `GET /v1/apps/APP/follow` | | lines of [`Progress`](crate::Progress) until the app has settled |
//! | `GET /v1/apps/APP/releases` | | list of [`ReleaseRow`] |
//! | `GET /v1/metrics` | | text for Prometheus |
//! | `GET /v1/history?app=APP&limit=N` | | list of [`Event`](gapless_model::event::Event), newest first |
//! | `GET /v1/apps/APP/logs?lines=N&follow=BOOL&stream=out,err` | | lines of [`LogLine`] |
//! | `POST /v1/upgrade` | [`UpgradeRequest`] | [`UpgradeAnswer`]; then control makes room for that program's |
//! | `POST /v1/down` | | [`Done`]; everything is stopped, then Gapless itself |
//! | `POST /v1/halt` | [`HaltRequest`] | [`HaltAnswer`]; everything has ended, and what should run is started again by whoever comes next |

use camino::Utf8PathBuf;
use gapless_model::release::{Mark, Revision};
use gapless_model::tls::TlsSpec;
use gapless_model::trust::Trust;
use gapless_model::{
    AccessLog, AppName, AppSpec, ErrorPages, InstanceId, ReleaseId, RolloutId, Strategy, WallTime,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Make these apps so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyRequest {
    /// The apps; others are left as they are.
    pub apps: Vec<AppSpec>,
    /// The caller's `PATH`, `HOME`, `LANG` and the like, for releases that are made.
    pub base_env: BTreeMap<String, String>,
    /// The `[proxy]` table, if the file has one.
    pub proxy: Option<ProxySettings>,
    /// The `[tls]` table, if the file has one. It takes the place of any before.
    #[serde(default)]
    pub tls: Option<TlsSpec>,
    /// The `[admin]` table, if the file has one.
    #[serde(default)]
    pub admin: Option<AdminSettings>,
    /// The `[control]` table, if the file has one. It takes the place of any before.
    #[serde(default)]
    pub control: Option<ControlSettings>,
}

/// The `[control]` table: who may use the control socket beside its owner and root.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlSettings {
    /// The group whose members may command.
    #[serde(default)]
    pub group: Option<String>,
    /// Who may look; none for nobody else.
    #[serde(default)]
    pub readers: Option<Readers>,
}

/// Who may look, and not command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readers {
    /// Every user of this machine.
    Everybody,
    /// The members of a group.
    Group(String),
}

/// The `[admin]` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdminSettings {
    /// Where metrics are served; none for nowhere but on the control socket.
    pub listen: Option<SocketAddr>,
    /// The file with what a client must know, absolute; none for one that Gapless makes in its home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<Utf8PathBuf>,
}

/// The `[proxy]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySettings {
    /// How many workers; none means one per core. Takes effect when the proxy is started.
    pub workers: Option<u32>,
    /// Whether, and how, requests are written to the access log.
    pub access_log: AccessLog,
    /// Whose word on the client that they speak for is believed.
    #[serde(default, skip_serializing_if = "Trust::is_default")]
    pub trust: Trust,
    /// What clients see when the proxy answers by itself.
    #[serde(default, skip_serializing_if = "ErrorPages::is_empty")]
    pub error_pages: ErrorPages,
}

/// What became of an [`ApplyRequest`], app by app, in its order; but none before those that it is started after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyResult {
    /// Per app.
    pub apps: Vec<(AppName, Applied)>,
    /// What the user should know beside, for people: hosts that no certificate is for, apps that are not waited
    /// for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What became of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "applied", rename_all = "kebab-case")]
pub enum Applied {
    /// It already was so.
    Unchanged,
    /// Settings changed, no new processes; words for each change, as `instances: 2 → 4`.
    Settings {
        /// The changes.
        changes: Vec<String>,
    },
    /// It was stopped and is started again as it was.
    Started,
    /// A rollout.
    Rollout {
        /// Which, and when it begins.
        ticket: RolloutTicket,
        /// What changed, as `env.NODE_ENV`; values are not named.
        changes: Vec<String>,
    },
}

/// A rollout that has begun or waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutTicket {
    /// Its number: follow it by this.
    pub rollout: RolloutId,
    /// The release that it rolls out.
    pub to: ReleaseId,
    /// The rollout in progress that it waits for, if it waits.
    pub after: Option<RolloutId>,
    /// The waiting rollout that it has replaced, if there was one.
    pub supersedes: Option<RolloutId>,
    /// It is not a new one: the rollout in progress is taken back, to this release.
    #[serde(default)]
    pub back: bool,
    /// What is missing for it; none if its instances take no more room than there is, or that is not known.
    #[serde(default)]
    pub shortage: Option<Shortage>,
}

impl RolloutTicket {
    /// A rollout that begins at once.
    pub const fn new(rollout: RolloutId, to: ReleaseId) -> Self {
        Self { rollout, to, after: None, supersedes: None, back: false, shortage: None }
    }
}

/// Memory that a second set of instances beside the first will miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// What the first set takes, in bytes of resident memory.
    pub needed: u64,
    /// What the machine has left (`MemAvailable`, `proc_meminfo(5)`), in bytes.
    pub available: u64,
}

/// A new release of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// Directory to copy the code from; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Or a commit of the repository in which the app's directory is: a branch, a tag or the like.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "ref")]
    pub reference: Option<String>,
    /// As in [`ApplyRequest`].
    pub base_env: BTreeMap<String, String>,
    /// How, if not as the app's settings say.
    #[serde(default)]
    pub strategy: Option<Strategy>,
}

/// New processes of the same release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReloadRequest {
    /// How, if not as the app's settings say.
    #[serde(default)]
    pub strategy: Option<Strategy>,
}

/// Return to an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollbackRequest {
    /// To which; none means the last good one before the current.
    pub to: Option<ReleaseId>,
}

/// Another number of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleRequest {
    /// How many; at least 1.
    pub instances: u32,
}

/// It was done, or begun; follow the app to see it settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What, for people.
    pub message: String,
}

/// End everything, as for the end of the machine: begun work is finished first, and what should run is started again
/// by whoever comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltRequest {
    /// The time that everything together may take, in milliseconds. What is not over by then is killed. Asked again,
    /// the earlier end counts.
    pub within_ms: u64,
}

/// How everything ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HaltAnswer {
    /// Whether clients were cut off in the middle of something, as their time was up.
    pub clients_cut: bool,
    /// Instances that were killed, as their time was up.
    pub killed: u32,
}

/// Replace Gapless itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeRequest {
    /// The program, by its absolute path.
    pub program: String,
}

/// It was checked, and is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeAnswer {
    /// Its version.
    pub version: String,
    /// It is what runs already: nothing is done.
    pub runs_already: bool,
}

/// What a Gapless says of itself before it is trusted with what another one has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formats {
    /// Its version.
    pub gapless: String,
    /// The newest schema of a journal that it reads.
    pub journal: u32,
    /// The newest language between control and proxy that it speaks.
    pub wire: u32,
    /// What came of reading the copy of the journal that it was given; none if it was given none, or is a former
    /// version that does not read one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyRead>,
}

/// What came of reading a copy of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyRead {
    /// All of it was understood.
    Understood {
        /// How many apps are in it.
        apps: usize,
        /// How many instances.
        instances: usize,
    },
    /// It was not.
    Failed {
        /// Why not.
        why: String,
    },
}

/// One line of `gapless releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// Its number.
    pub release: ReleaseId,
    /// Whether it is the one that serves.
    pub current: bool,
    /// What is known of it.
    pub mark: Mark,
    /// When it was made.
    pub created: WallTime,
    /// Its command, for people.
    pub command: String,
    /// Its own directory, or the user's if it runs in place.
    pub directory: String,
    /// Whether it has its own copy of the code.
    pub own_code: bool,
    /// The commit that this was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
}

/// One line of an app's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was read.
    pub at: WallTime,
    /// Who wrote it.
    pub instance: InstanceId,
    /// Whether to stderr.
    pub err: bool,
    /// The line without its end; bytes that are not UTF-8 are replaced by U+FFFD.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_former_version_kept_of_the_proxy_is_understood_and_still_written() {
        for (log, text) in
            [(AccessLog::Off, "false"), (AccessLog::Json, "true"), (AccessLog::Combined, "\"combined\"")]
        {
            let text = format!("{{\"workers\":null,\"access_log\":{text}}}");
            let settings = ProxySettings {
                workers: None,
                access_log: log,
                trust: Trust::default(),
                error_pages: ErrorPages::default(),
            };
            assert_eq!(serde_json::from_str::<ProxySettings>(&text).unwrap(), settings);
            assert_eq!(serde_json::to_string(&settings).unwrap(), text);
        }
        assert_eq!(serde_json::from_str::<AccessLog>("\"json\"").unwrap(), AccessLog::Json);
        assert!(serde_json::from_str::<AccessLog>("\"xml\"").is_err());
    }
}
