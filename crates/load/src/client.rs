//! One client: a request, its fate, the next request.

use crate::answer::{Answer, Sent};
use crate::connection::{Attempt, Connection};
use crate::failure::{FailureKind, Loss};
use crate::plan::{Connections, Pace, Stream};
use crate::request::{Outgoing, Requests};
use crate::run::Shared;
use crate::tally::Fate;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// How long a client waits after a connection was refused: a loop without it would be nothing but refusals,
/// and would take the CPU from the app that is to come back.
const AFTER_REFUSAL: Duration = Duration::from_millis(5);

/// One client of stream number `stream`.
pub(crate) struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stream: usize,
    pub(crate) requests: Requests,
    /// When its first request begins.
    pub(crate) first: Instant,
}

impl Client {
    /// Sends until the load ends.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let stream = &shared.plan.streams[self.stream];
        let mut beat = match stream.pace {
            Pace::Tight => None,
            Pace::Every(period) => {
                let mut beat = interval_at(self.first, period.max(Duration::from_millis(1)));
                beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
                Some(beat)
            }
        };
        let mut connection = None;
        loop {
            if let Some(beat) = &mut beat {
                shared.ended_or(beat.tick()).await;
            }
            if shared.has_ended() || !shared.counters.begin(shared.plan.max_requests) {
                return;
            }
            let refused = self.one_request(stream, &mut connection).await;
            if refused {
                shared.ended_or(tokio::time::sleep(AFTER_REFUSAL)).await;
            }
        }
    }

    /// Sends one request and records its fate. Returns whether the connection was refused.
    async fn one_request(&mut self, stream: &Stream, connection: &mut Option<Connection>) -> bool {
        let out = self.requests.next();
        let begun = Instant::now();
        let limit = self.shared.plan.timeout;
        let result = match timeout(limit, self.exchange(&out, connection)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(Loss::new(
                FailureKind::Hung,
                format!("no complete answer to {} within {limit:?}", out.sent.path),
            )),
        };
        let fate = match result.and_then(|answer| self.judge(stream, &out.sent, answer)) {
            Ok(fate) => fate,
            Err(loss) => Fate::Lost(loss),
        };
        // A connection that failed, hung or was to be used once is of no more use.
        let broken =
            matches!(&fate, Fate::Lost(loss) if loss.status.is_none() || loss.kind == FailureKind::Truncated);
        if broken || stream.connections == Connections::PerRequest {
            *connection = None;
        }
        let refused = matches!(&fate, Fate::Lost(loss) if loss.kind == FailureKind::Refused);
        self.shared.record(self.stream, begun, fate);
        refused
    }

    /// One request and its complete answer, over the kept connection where there is one.
    async fn exchange(&self, out: &Outgoing, kept: &mut Option<Connection>) -> Result<Answer, Loss> {
        loop {
            let reused = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                None => {
                    let opened = Connection::open(self.shared.plan.target).await?;
                    self.shared.counters.connections.fetch_add(1, Relaxed);
                    kept.insert(opened)
                }
            };
            let request = self.requests.build(out).map_err(|e| Loss::new(FailureKind::Refused, e))?;
            match connection.send(request).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Lost(loss) => return Err(loss),
                Attempt::Untouched if reused => {
                    *kept = None;
                    self.shared.tally().reconnected();
                }
                // It was accepted, and closed before the request could be written: a user's loss.
                Attempt::Untouched => {
                    return Err(Loss::new(FailureKind::Closed, "a new connection was closed at once"));
                }
            }
        }
    }

    fn judge(&self, stream: &Stream, sent: &Sent, answer: Answer) -> Result<Fate, Loss> {
        let status = answer.status;
        if !(200..300).contains(&status) {
            return Err(Loss::bad_status(status, &answer.body));
        }
        stream.verify.check(sent, &answer).map_err(|what| Loss {
            kind: FailureKind::WrongBody,
            what,
            status: Some(status),
        })?;
        let version = self.shared.plan.version.read(&answer);
        let bytes = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        Ok(Fate::Right { status, version, bytes })
    }
}
