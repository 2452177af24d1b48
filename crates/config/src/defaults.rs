//! What holds where the file says nothing. The only place with these numbers: the parser, the schema and the
//! reference all read them through the key tables.

use std::time::Duration;

/// Instances of an app.
pub(crate) const INSTANCES: u64 = 1;

/// Path prefix of a route.
pub(crate) const ROUTE_PATH: &str = "/";

/// From the end of one readiness (or startup) probe to the next: short, as every rollout waits for it.
pub(crate) const READY_INTERVAL: Duration = Duration::from_millis(500);
/// From the end of one liveness probe to the next: long, as it only finds what is stuck.
pub(crate) const LIVE_INTERVAL: Duration = Duration::from_secs(10);
/// After which a probe without an answer has failed.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Consecutive successes until an instance counts as healthy.
pub(crate) const PROBE_SUCCESSES: u64 = 1;
/// Consecutive failures until it counts as unhealthy.
pub(crate) const PROBE_FAILURES: u64 = 3;
/// From its start until an instance that is not ready has failed.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(60);

/// Asks an instance to stop.
pub(crate) const STOP_SIGNAL: &str = "SIGTERM";
/// Who gets it.
pub(crate) const STOP_TO: &str = "group";
/// After which the whole group is killed.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests in flight are waited for.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// What becomes of WebSockets.
pub(crate) const DRAIN_WEBSOCKET: &str = "close";
/// How long they are waited for when they are kept.
pub(crate) const DRAIN_WEBSOCKET_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Over which they are closed one by one.
pub(crate) const DRAIN_WEBSOCKET_WINDOW: Duration = Duration::from_secs(5);

/// How a new release replaces the old one.
pub(crate) const STRATEGY: &str = "rolling";
/// Instances beyond the wanted number while rolling.
pub(crate) const MAX_SURGE: u64 = 1;
/// Instances that may be missing while rolling.
pub(crate) const MAX_UNAVAILABLE: u64 = 0;
/// Whether a blue-green release becomes public by itself once it has passed.
pub(crate) const AUTOPROMOTE: bool = gapless_model::app::RolloutSpec::usual_autopromote();
/// How long the user has to promote one that does not.
pub(crate) const PROMOTE_DEADLINE: Duration = gapless_model::app::RolloutSpec::usual_promote_deadline();
/// How long the checks of a blue-green release may take.
pub(crate) const VERIFY_TIMEOUT: Duration = Duration::from_secs(60);
/// The status code of an answer that is right.
pub(crate) const VERIFY_STATUS: u64 = 200;
/// How long the new release is watched before the old one is given up.
pub(crate) const BAKE: Duration = Duration::from_secs(30);

/// How long a client may let an app wait for a body.
pub(crate) const BODY_TIMEOUT: Duration = gapless_model::limits::LimitSpec::usual_body_timeout();

/// Whether an instance that ended is started again.
pub(crate) const RESTART_POLICY: &str = "always";
/// Delay after the second failure in a row.
pub(crate) const RESTART_BACKOFF: Duration = Duration::from_millis(100);
/// The longest delay.
pub(crate) const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(15);
/// After which a failure is forgotten.
pub(crate) const RESTART_STABLE_AFTER: Duration = Duration::from_secs(10);

/// A log file is rotated beyond this many bytes.
pub(crate) const LOG_MAX_SIZE: u64 = 10_000_000;
/// A log file is rotated when it is older.
pub(crate) const LOG_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Rotated files that are kept.
pub(crate) const LOG_KEEP: u64 = 5;

/// Requests that may wait for an instance at once.
pub(crate) const HOLD_MAX_REQUESTS: u64 = 1000;
/// Bytes of requests that may wait at once.
pub(crate) const HOLD_MAX_BYTES: u64 = gapless_model::app::HoldSpec::usual_max_bytes();
/// How long each may wait.
pub(crate) const HOLD_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether requests that are not idempotent are tried again.
pub(crate) const RETRY_NON_IDEMPOTENT: bool = false;
/// Bodies up to this many bytes are kept for a second try.
pub(crate) const RETRY_MAX_BODY: u64 = 64 * 1024;

/// How long a new instance takes to get its whole share.
pub(crate) const BALANCE_SLOW_START: Duration = Duration::ZERO;
/// The oldest version of TLS.
pub(crate) const TLS_MINIMUM: &str = "1.2";
/// Let's Encrypt.
pub(crate) const ACME_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Whether requests are written to the access log.
pub(crate) const ACCESS_LOG: bool = true;
