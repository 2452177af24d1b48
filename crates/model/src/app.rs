//! What the user names in `gapless.toml`.

use crate::balance::BalanceSpec;
use crate::command::CommandLine;
use crate::error_pages::ErrorPages;
use crate::ids::AppName;
use crate::limits::LimitSpec;
use crate::release::ReleaseSpec;
use crate::rollout::Strategy;
use crate::route::RouteSpec;
use crate::time::millis;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// An app as the user wants it: what to run, and how to run and serve it.
///
/// The two halves differ in what a change of them means: another [`ReleaseSpec`] is another release and
/// needs new processes, hence a rollout; other [`AppSettings`] are applied to what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSpec {
    /// Its name.
    pub name: AppName,
    /// What to run.
    pub release: ReleaseSpec,
    /// How to run and serve it.
    pub settings: AppSettings,
}

/// The half of an app that can change without new processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSettings {
    /// How many instances.
    pub instances: Instances,
    /// The apps that must be up before its first instance is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<AppName>,
    /// Its public addresses; none for an app that serves no requests.
    pub routes: Vec<RouteSpec>,
    /// How begun work is finished.
    pub drain: DrainSpec,
    /// When a failed instance is started again.
    pub restart: RestartSpec,
    /// How a new release replaces the old one.
    pub rollout: RolloutSpec,
    /// What becomes of its output.
    pub logs: LogSpec,
    /// What becomes of requests while nobody is ready.
    pub hold: HoldSpec,
    /// Which requests may be sent a second time.
    pub retry: RetrySpec,
    /// How requests are spread over the instances.
    #[serde(default)]
    pub balance: BalanceSpec,
    /// How much of a request it takes.
    #[serde(default)]
    pub limits: LimitSpec,
    /// An instance that takes more bytes of memory than this is replaced; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// What clients see when the proxy has to answer for the app; before those of all apps.
    #[serde(default, skip_serializing_if = "ErrorPages::is_empty")]
    pub error_pages: ErrorPages,
}

/// How many instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instances {
    /// That many, at least 1.
    Count(u32),
    /// One per core that Gapless may use.
    Max,
}

impl Instances {
    /// The number, on a machine with `cores` usable cores.
    pub fn on(self, cores: u32) -> u32 {
        match self {
            Self::Count(n) => n,
            Self::Max => cores.max(1),
        }
    }
}

/// How begun work is finished when an instance retires. The default waits for nothing: it is what is meant by
/// who says nothing, and never what a user gets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DrainSpec {
    /// How long requests in flight are waited for.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// What becomes of WebSockets and other upgraded connections.
    pub websocket: WebSocketPolicy,
    /// How long they are kept under [`WebSocketPolicy::Keep`]; what is open then is closed within `timeout`.
    #[serde(with = "millis")]
    pub websocket_timeout: Duration,
    /// WebSockets that are closed are closed one by one over this time, at most half of what there is: so that
    /// not all clients come back at once. 0 closes all at once.
    #[serde(with = "millis", default)]
    pub websocket_window: Duration,
}

/// What becomes of upgraded connections when their instance retires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebSocketPolicy {
    /// They are closed at once, with a close frame that says so: clients reconnect to the new release.
    #[default]
    Close,
    /// They stay on the old instance until they end by themselves.
    Keep,
}

/// When a failed instance is started again, and how soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartSpec {
    /// Whether at all.
    pub policy: RestartPolicy,
    /// Delay after the second failure in a row; the first restart is at once, and it doubles from here.
    #[serde(with = "millis")]
    pub backoff: Duration,
    /// The longest delay.
    #[serde(with = "millis")]
    pub backoff_max: Duration,
    /// Each such time without failure takes one failure off the count.
    #[serde(with = "millis")]
    pub stable_after: Duration,
}

/// Whether an instance that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// However it ended.
    #[default]
    Always,
    /// Unless it exited with code 0.
    OnFailure,
    /// Never.
    Never,
}

/// How a new release replaces the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSpec {
    /// By which strategy.
    pub strategy: Strategy,
    /// How many instances may run beyond the wanted number while rolling.
    pub max_surge: u32,
    /// How many of the wanted number may be missing while rolling. Not both may be 0.
    pub max_unavailable: u32,
    /// How long the new release is watched at full traffic before the old one is given up.
    #[serde(with = "millis")]
    pub bake: Duration,
    /// What a blue-green release must pass before it is public.
    #[serde(default)]
    pub verify: Option<VerifySpec>,
    /// Where a blue-green release is reached before it is public, beside the header.
    #[serde(default)]
    pub preview: Option<SocketAddr>,
    /// Whether a blue-green release becomes public by itself once it has passed.
    #[serde(default = "RolloutSpec::usual_autopromote")]
    pub autopromote: bool,
    /// How long the user has to promote one that does not.
    #[serde(with = "millis", default = "RolloutSpec::usual_promote_deadline")]
    pub promote_deadline: Duration,
}

impl RolloutSpec {
    /// What holds where nothing is said.
    pub const fn usual_autopromote() -> bool {
        true
    }

    /// What holds where nothing is said.
    pub const fn usual_promote_deadline() -> Duration {
        Duration::from_secs(24 * 60 * 60)
    }
}

/// What a new release must pass before it is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySpec {
    /// Asked for one after the other, before the command is run.
    pub checks: Vec<VerifyCheck>,
    /// Must exit with 0.
    pub command: Option<CommandLine>,
    /// How long all of it may take.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

/// A request to a new release, and the answer that it must give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCheck {
    /// Path and query.
    pub path: String,
    /// The status code.
    pub status: u16,
    /// What the body must contain, if it must.
    pub contains: Option<String>,
}

/// What becomes of an app's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// A log file is rotated beyond this many bytes.
    pub max_size: u64,
    /// A log file is rotated when its first line is older than this.
    #[serde(with = "millis")]
    pub max_age: Duration,
    /// How many rotated files are kept per stream.
    pub keep: u32,
}

/// What becomes of requests while no instance is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldSpec {
    /// How many may wait at once, over all workers.
    pub max_requests: u32,
    /// How many bytes of them, heads and what has arrived of bodies, may wait at once, over all workers.
    #[serde(default = "HoldSpec::usual_max_bytes")]
    pub max_bytes: u64,
    /// How long each may wait; then 503 with `Retry-After`.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

impl Default for HoldSpec {
    /// What holds where the file says nothing.
    fn default() -> Self {
        Self { max_requests: 1000, max_bytes: Self::usual_max_bytes(), timeout: Duration::from_secs(30) }
    }
}

impl HoldSpec {
    /// What holds where nothing is said, in the file or by a journal from before there was this bound.
    pub const fn usual_max_bytes() -> u64 {
        16 * 1024 * 1024
    }
}

/// Which requests may be sent a second time after they may have reached an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySpec {
    /// Also those with methods that are not idempotent and no `Idempotency-Key`: only for apps that know a
    /// repeated request when they see one.
    pub non_idempotent: bool,
    /// Bodies up to this many bytes are kept for a second try.
    pub max_body: u64,
}

impl Default for RetrySpec {
    /// What holds where the file says nothing.
    fn default() -> Self {
        Self { non_idempotent: false, max_body: 64 * 1024 }
    }
}
