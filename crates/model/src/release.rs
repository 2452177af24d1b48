//! One immutable version of an app: code, config, environment.

use crate::address::AddressMode;
use crate::command::CommandLine;
use crate::ids::ReleaseId;
use crate::probe::ProbeSpec;
use crate::process::ProcessSpec;
use crate::signal::Signal;
use crate::time::{WallTime, millis};
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// The half of an app whose change needs new processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// What to run.
    pub command: CommandLine,
    /// Where; absolute. A deployed release runs in the same place below its own directory.
    pub cwd: Utf8PathBuf,
    /// The port that the app itself asks for, if it is known.
    pub port: Option<u16>,
    /// How an instance is told where to listen.
    pub address: AddressMode,
    /// What it speaks there.
    #[serde(default)]
    pub protocol: AppProtocol,
    /// Its environment: `env_file`, then `env` over it. Secrets live here: never printed.
    pub env: BTreeMap<String, String>,
    /// Variables whose values are read from these files, absolute, when a process is started: kept nowhere else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Utf8PathBuf>,
    /// Who its processes are, and what they are left.
    #[serde(default, skip_serializing_if = "ProcessSpec::is_plain")]
    pub process: ProcessSpec,
    /// Asked first; until it passes, the other probes wait.
    pub startup: Option<ProbeSpec>,
    /// Gates traffic and every step.
    pub ready: ProbeSpec,
    /// From its start until an instance that is not ready has failed.
    #[serde(with = "millis")]
    pub start_deadline: Duration,
    /// Restarts a wedged instance.
    pub live: Option<ProbeSpec>,
    /// How it is stopped.
    pub stop: StopSpec,
}

/// What instances speak with whoever asks them something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in clear text, without an upgrade (RFC 9113 section 3.3), as gRPC servers do.
    H2c,
}

/// How an instance is stopped once its work is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSpec {
    /// Sent first.
    pub signal: Signal,
    /// To whom.
    pub to: StopTarget,
    /// After which the whole group gets SIGKILL.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

/// Who gets the stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopTarget {
    /// Every process of the instance, as a shell or `npm` in front would not pass it on.
    #[default]
    Group,
    /// The first process only, for one that stops its own children in order.
    Main,
}

/// A release as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub id: ReleaseId,
    /// What to run. Paths point into `code` if there is one.
    pub spec: ReleaseSpec,
    /// The caller's `PATH`, `HOME`, `LANG` and the like at the time; below `spec.env`.
    pub base_env: BTreeMap<String, String>,
    /// The `cwd` as the user's file has it: that of `spec` differs from it if the release has its own code.
    pub declared_cwd: Utf8PathBuf,
    /// Its own copy of the code; none if it runs in the user's directory (in place).
    pub code: Option<Utf8PathBuf>,
    /// The commit that its code was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// The release that it is once more, if a reload made it: new processes, and nothing else that is new.
    #[serde(default)]
    pub reload_of: Option<ReleaseId>,
    /// When it was made.
    pub created: WallTime,
    /// What is known of it.
    pub mark: Mark,
}

impl Release {
    /// The spec as the user's file has it.
    pub fn declared(&self) -> ReleaseSpec {
        ReleaseSpec { cwd: self.declared_cwd.clone(), ..self.spec.clone() }
    }

    /// The number under which it was new: its own, unless a reload made it.
    pub fn original(&self) -> ReleaseId {
        self.reload_of.unwrap_or(self.id)
    }
}

/// Code as a version control system knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// What its user called it: a branch, a tag or another name of a commit (`gitrevisions(7)`).
    pub name: String,
    /// The commit that this was at the time, in full.
    pub commit: String,
}

/// A name and the first letters of the commit, or these alone where that was the name.
impl Display for Revision {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, commit } = self;
        let short = commit.get(..SHORT).unwrap_or(commit);
        if commit.starts_with(name.as_str()) { f.write_str(short) } else { write!(f, "{name}, {short}") }
    }
}

/// How many letters of a commit are shown: enough to tell those of one project apart.
const SHORT: usize = 10;

/// What is known of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Nothing yet.
    #[default]
    Untried,
    /// A rollout to it completed.
    Good,
    /// A rollout to it failed, or its user went back from it to an earlier one.
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_shown_short_and_once() {
        let said = |name: &str| Revision { name: name.into(), commit: "0123456789abcdef".into() }.to_string();
        assert_eq!(said("main"), "main, 0123456789");
        assert_eq!(said("0123"), "0123456789");
    }
}
