//! The way of a request: which app, which instance, which connection; again if it must be and may be.

use crate::answer::{AnswerBody, Relay};
use crate::app::App;
use crate::backend::Backend;
use crate::balance::Sticky;
use crate::exchange::Exchange;
use crate::headers;
use crate::http2;
use crate::incoming::Head;
use crate::line::Line;
use crate::own_answer;
use crate::pool::Need;
use crate::preview;
use crate::record::{Ending, Record};
use crate::refusal::Refusal;
use crate::request_body::{Bounds, READ_AHEAD, RequestBody, Upload};
use crate::retry::{self, Again, Next};
use crate::stream::Left;
use crate::strict::Fault;
use crate::table::Prefix;
use crate::target;
use crate::upstream::{Broken, Reached, Upstream};
use crate::waiting::{Waiting, Woken};
use crate::websocket::{Protocol, Tunnel};
use crate::worker::Worker;
use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long an instance may take to take a connection before another is asked.
const CONNECT: Duration = Duration::from_secs(2);

/// Answers a request, by an instance or by itself. It never fails; hyper wants to be told so.
///
/// The future has in it all that a request takes up while it waits, and is moved to where it waits: nothing is in it
/// twice, as what is passed by value to what is awaited would be.
pub(crate) fn answer(
    worker: Rc<Worker>,
    client: Exchange,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> {
    let mut begun = begin(worker, &client, request);
    async move {
        let end = match &mut begun {
            Ok(forward) => Some(forward.run().await),
            Err(_) => None,
        };
        let mut response = match begun {
            // Never none: it has run.
            Ok(forward) => forward.end(end.unwrap_or(End::ClientGone)),
            Err(response) => response,
        };
        if client.is_secure {
            client.listener.insist(response.headers_mut());
        }
        let unknown_behind = client.is_early() && response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if client.listener.is_closing() || unknown_behind {
            client.is_last(response.headers_mut());
        }
        Ok(response)
    }
}

/// Makes of a request what is to be sent to an instance; an answer if that is not to be.
#[expect(clippy::result_large_err, reason = "the other one is larger, and neither is handed up")]
fn begin(
    worker: Rc<Worker>,
    client: &Exchange,
    request: Request<Incoming>,
) -> Result<Forward, Response<AnswerBody>> {
    let began = Instant::now();
    client.begin();
    let (mut head, body) = request.into_parts();
    let of_us = own_answer::to_authority(&worker.terms, &head);
    let mut record = Record::new(worker, client.clone(), &head, began);
    let way = if of_us.is_none() { route(&mut head, client) } else { Err(Refusal::NoRoute) };
    let (app, below) = match way {
        Ok(found) => found,
        Err(refusal) => {
            let mut response = match of_us.or_else(|| own_answer::by_https(&refusal, client, &head)) {
                Some(response) => own(response, record),
                None => refuse(&refusal, record, &head, None),
            };
            if refusal == Refusal::BadHost {
                client.is_last(response.headers_mut());
            }
            return Err(response);
        }
    };
    let app = preview::asked_for(app, &head.headers);
    record.app = Some(Rc::clone(&app));
    let sticky = app.sticky().map(|cookie| {
        let secure = headers::is_https(&head.headers, client);
        Box::new(Sticky::take(cookie, below, secure, &mut head.headers))
    });
    let limits = app.limits();
    let long_head = limits.max_head.is_some_and(|most| size(&head) > most);
    let upgrade = headers::to_instance(&mut head, client, &record.id);
    let (non_idempotent, max_body) = app.retry();
    let repeatable = retry::is_repeatable(&head.method, &head.headers, non_idempotent);
    // Streams of messages are silent as long as they like.
    let wait = (!headers::is_grpc(&head.headers)).then_some(limits.body_timeout);
    let bounds = Bounds { keep: max_body, longest: limits.max_body, wait };
    let upload = Upload::new(body, bounds, client);
    if client.is_http2() {
        http2::frame(&mut head, upload.is_some());
    }
    let long_body = upload.as_ref().is_some_and(|upload| upload.is_too_long());
    let forward = Forward { app, head, upload, record, repeatable, upgrade, sticky };
    match (long_head, long_body) {
        (true, _) => Err(forward.refuse(&Refusal::LongHead)),
        (_, true) => Err(forward.refuse(&Refusal::LongBody)),
        _ => Ok(forward),
    }
}

/// The app that a request is for, and the path of its route if clients are kept where they are.
fn route(head: &mut Parts, client: &Exchange) -> Result<(Rc<App>, String), Refusal> {
    if client.is_http2() {
        http2::downgrade(head)?;
    }
    target::settle(head, &client.listener.authority)?;
    let table = client.listener.table();
    let path = head.uri.path();
    if !table.asks_for_host() {
        return table.find("", path).map(found).ok_or(Refusal::NoRoute);
    }
    let host = target::name(&head.headers[HOST])?;
    let misdirected = || client.is_http2() && !table.knows(&host);
    table.find(&host, path).map(found).ok_or_else(|| {
        // The client may have taken a connection to another host for this one (RFC 9110 section 15.5.20).
        if misdirected() { Refusal::Misdirected } else { Refusal::NoRoute }
    })
}

fn found(prefix: &Prefix<Rc<App>>) -> (Rc<App>, String) {
    let below = if prefix.to.sticky().is_some() { prefix.path() } else { String::new() };
    (Rc::clone(&prefix.to), below)
}

/// How many bytes a head has, but for what stands between its fields.
fn size(head: &Parts) -> u64 {
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let path = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    (fields.sum::<usize>() + path) as u64
}

/// Ends what was asked of the proxy itself.
fn own(mut response: Response<AnswerBody>, mut record: Record) -> Response<AnswerBody> {
    response.headers_mut().insert(headers::X_REQUEST_ID, record.id.clone());
    record.status = response.status();
    record.bytes = http_body::Body::size_hint(response.body()).lower();
    record.end(Ending::NoApp);
    response
}

fn refuse(
    refusal: &Refusal,
    mut record: Record,
    head: &Parts,
    upload: Option<Rc<Upload>>,
) -> Response<AnswerBody> {
    if let Some(upload) = upload {
        upload.abandon();
    }
    let pages = record.error_pages();
    let page = |status| pages.iter().find_map(|pages| pages.get(status));
    let response = refusal.answer(&head.headers, &record.id, page);
    record.status = response.status();
    record.bytes = http_body::Body::size_hint(response.body()).lower();
    record.end(match refusal {
        // None of ours: the client made it so.
        Refusal::Malformed(_) => Ending::ClientGone,
        Refusal::LongHead | Refusal::LongBody | Refusal::Stopped => Ending::Refused,
        _ if record.app.is_some() => Ending::Lost,
        _ => Ending::NoApp,
    });
    response
}

/// A request on its way to an instance of its app.
struct Forward {
    app: Rc<App>,
    head: Parts,
    upload: Option<Rc<Upload>>,
    record: Record,
    /// It may be executed twice.
    repeatable: bool,
    upgrade: bool,
    /// Its client is to stay where it is.
    sticky: Option<Box<Sticky>>,
}

/// What was learned from tries that failed.
#[derive(Default)]
struct Failed {
    /// Instances that are not asked again in this round.
    avoid: Vec<Rc<Backend>>,
    /// How many instances have got it on a new connection and may have executed it. A connection that was kept ends
    /// when its instance likes: once, that says nothing of the instance.
    repeats: u32,
    /// Connections of the pool are not trusted any more.
    new_connection: bool,
    /// At least one instance could not be reached.
    unreachable: bool,
}

/// What came of it.
enum End {
    /// An instance answers.
    Answer(Head, Line),
    /// It does, and speaks another protocol from here on.
    Upgrade(Head, Box<Upstream>),
    /// No instance does.
    Refused(Refusal),
    /// Nobody reads what is answered now.
    ClientGone,
}

impl Forward {
    /// Answers by what came of it.
    fn end(self, end: End) -> Response<AnswerBody> {
        match end {
            End::Answer(head, line) => self.relay(head, line),
            End::Upgrade(head, upstream) => self.upgraded(head, upstream),
            End::Refused(refusal) => self.refuse(&refusal),
            End::ClientGone => self.client_gone(),
        }
    }

    /// Asks one instance after the other, until one has answered, or none will.
    async fn run(&mut self) -> End {
        let mut failed = Failed::default();
        let mut waiting = Waiting::new(Rc::clone(&self.app));
        loop {
            let Some(ticket) = self.app.pick(&failed.avoid, self.sticky.as_deref()) else {
                if self.app.is_stopped() {
                    return End::Refused(Refusal::Stopped);
                }
                let all_failed = !failed.avoid.is_empty();
                failed.avoid.clear();
                let bytes = self.size();
                match Box::pin(waiting.wait(&self.record.client, bytes, all_failed)).await {
                    Woken::Try => continue,
                    Woken::ClientGone => return End::ClientGone,
                    // Where nobody may wait it is not because of the others.
                    Woken::Full if self.app.hold().requests == 0 => {
                        return End::Refused(Refusal::NobodyReady);
                    }
                    Woken::Full => return End::Refused(Refusal::Full),
                    Woken::TimedOut if failed.unreachable => return End::Refused(Refusal::Unreachable),
                    Woken::TimedOut => return End::Refused(Refusal::NobodyReady),
                }
            };
            let backend = Rc::clone(&ticket.backend);
            self.record.ticket = Some(ticket);
            let (mut line, pooled) = match self.connection(&backend, &failed).await {
                Ok(connection) => connection,
                Err(error) => {
                    failed.unreachable = true;
                    self.app.unreached(&backend, &error);
                    self.turn_from(&backend, &mut failed, &error);
                    continue;
                }
            };
            self.record.held = waiting.leave();
            self.on_its_way(pooled);
            let client = self.record.client.clone();
            let watch = |cx: &mut std::task::Context<'_>| match client.poll_left(cx) {
                Poll::Ready(Left::Reset) => Poll::Ready(()),
                _ => Poll::Pending,
            };
            let body = self.upload.as_ref().map(RequestBody::new);
            // Only on a Unix socket can nobody else have said it.
            let not_for_all = headers::X_GAPLESS_CLIENT;
            let without = (!backend.is_unix()).then_some(&not_for_all);
            let outcome = match &mut line {
                Line::Http1(upstream) => upstream.exchange(&mut self.head, body, without, watch).await,
                Line::Http2(call) => Box::pin(call.exchange(&mut self.head, body, without, watch)).await,
            };
            let Some(outcome) = outcome else { return End::ClientGone };
            let broken = match (outcome, line) {
                (Ok(head), Line::Http1(upstream))
                    if head.status == StatusCode::SWITCHING_PROTOCOLS && self.upgrade =>
                {
                    self.app.answered(&backend, head.status);
                    return End::Upgrade(head, upstream);
                }
                (Ok(head), _) if head.status.is_informational() => {
                    let cause = "an upgrade that nobody asked for".to_owned();
                    Broken { reached: Reached::Nonsense, cause }
                }
                (Ok(head), line) => {
                    self.app.answered(&backend, head.status);
                    return End::Answer(head, line);
                }
                (Err(broken), _) => broken,
            };
            if self.upload.as_ref().is_some_and(|upload| upload.has_failed()) {
                return End::ClientGone;
            }
            let kept = self.upload.as_ref().is_none_or(|upload| upload.can_repeat());
            let again = Again { repeatable: self.repeatable, kept };
            let next = retry::next(broken.reached, pooled, again, failed.repeats);
            tracing::debug!(instance = %backend.instance, cause = broken.cause, ?next, "no answer");
            if broken.reached == Reached::Sent && (!pooled || failed.new_connection) {
                failed.repeats += 1;
                waiting.be_patient();
            }
            // A connection that was kept ends when its instance likes.
            if broken.reached != Reached::Nowhere && !pooled {
                self.app.unanswered(&backend, &broken.cause);
            }
            match next {
                Next::NewConnection => {
                    failed.new_connection = true;
                    if broken.reached == Reached::Sent {
                        self.count_retry(&backend);
                    }
                    self.record.ticket = None;
                }
                Next::Elsewhere => self.turn_from(&backend, &mut failed, &broken.cause),
                Next::GiveUp => {
                    tracing::warn!(
                        instance = %backend.instance, id = ?self.record.id, cause = broken.cause,
                        "an instance did not answer"
                    );
                    let nonsense = broken.reached == Reached::Nonsense;
                    return End::Refused(if nonsense { Refusal::Nonsense } else { Refusal::BrokenOff });
                }
            }
        }
    }

    /// About how many bytes it takes up while it waits.
    fn size(&self) -> u64 {
        let ahead = if self.record.client.is_http2() { http2::READ_AHEAD } else { READ_AHEAD };
        size(&self.head) + self.upload.as_ref().map_or(0, |upload| upload.held(ahead))
    }

    /// A connection to the instance, and whether it was used before.
    async fn connection(&self, backend: &Rc<Backend>, failed: &Failed) -> std::io::Result<(Line, bool)> {
        if backend.is_h2c() {
            return Box::pin(Line::shared(backend, CONNECT)).await;
        }
        if !failed.new_connection && !self.upgrade {
            let repeatable = self.repeatable && self.upload.as_ref().is_none_or(|upload| upload.can_repeat());
            let need = if repeatable { Need::Any } else { Need::Sure };
            let now = if self.record.tries == 0 && failed.avoid.is_empty() {
                self.record.began
            } else {
                Instant::now()
            };
            if let Some(idle) = poll_fn(|cx| Poll::Ready(backend.pool.take(need, now, cx))).await {
                return Ok((Line::Http1(idle), true));
            }
        }
        // Rare, and large: kept out of what is moved about for every request.
        let upstream = Box::pin(Upstream::connect(backend.address(), CONNECT)).await?;
        Ok((Line::Http1(upstream), false))
    }

    fn on_its_way(&mut self, pooled: bool) {
        self.record.tries += 1;
        // On a waiting connection and at the first try there was nothing to wait for.
        if !pooled || self.record.tries > 1 || !self.record.held.is_zero() {
            self.app.stalled(self.record.began.elapsed());
        }
    }

    /// Another instance is asked next.
    fn turn_from(&mut self, backend: &Rc<Backend>, failed: &mut Failed, why: &dyn std::fmt::Display) {
        if backend.suspect() {
            tracing::warn!(instance = %backend.instance, %why, "an instance does not take requests");
        }
        self.count_retry(backend);
        failed.avoid.push(Rc::clone(backend));
        self.record.ticket = None;
    }

    fn count_retry(&mut self, backend: &Backend) {
        if self.app.is_private() {
            return;
        }
        backend.tally.add(|count| count.retried += 1);
        if !std::mem::replace(&mut self.record.retried, true) {
            self.app.tally.add(|count| count.retried += 1);
        }
    }

    fn refuse(self, refusal: &Refusal) -> Response<AnswerBody> {
        refuse(refusal, self.record, &self.head, self.upload)
    }

    /// Nobody reads what is answered now.
    fn client_gone(mut self) -> Response<AnswerBody> {
        let reason = if self.upload.as_ref().is_some_and(|upload| upload.is_too_long()) {
            Some(Refusal::LongBody)
        } else if self.upload.as_ref().is_some_and(|upload| upload.is_slow()) {
            Some(Refusal::Malformed(Fault::SlowBody))
        } else {
            self.record.client.fault().map(Refusal::Malformed)
        };
        if let Some(reason) = reason {
            let client = self.record.client.clone();
            let mut response = self.refuse(&reason);
            client.is_last(response.headers_mut());
            return response;
        }
        self.record.client.cut();
        self.record.end(Ending::ClientGone);
        let mut response = Response::new(AnswerBody::Empty);
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// Passes on an answer that has begun. Its fields have taken the place of the request's.
    fn relay(mut self, head: Head, line: Line) -> Response<AnswerBody> {
        self.record.status = head.status;
        let mut fields = self.head.headers;
        let idle = headers::to_client(&mut fields, &self.record.id);
        tell(self.sticky.as_deref(), &self.record, &mut fields);
        let length = head.body.length();
        let upload = self.upload.as_ref().filter(|upload| !upload.has_ended()).map(Rc::clone);
        let source = line.answer(self.upload, self.record.client.read_at_once());
        let mut relay = Relay { source, upload, length, idle, record: self.record };
        let body = if head.body.is_done() {
            relay.complete();
            AnswerBody::Empty
        } else {
            AnswerBody::Relayed(Box::new(relay))
        };
        response(head, fields, body)
    }

    /// From here on the connection belongs to another protocol.
    fn upgraded(mut self, head: Head, upstream: Box<Upstream>) -> Response<AnswerBody> {
        let mut fields = self.head.headers;
        headers::to_client_upgraded(&mut fields, &self.record.id);
        tell(self.sticky.as_deref(), &self.record, &mut fields);
        self.record.status = head.status;
        if let Some(mut ticket) = self.record.end_keeping_ticket(Ending::Served, Instant::now()) {
            ticket.upgrade();
            let (io, ahead) = upstream.into_tunnel();
            let protocol = Protocol::of(&fields);
            self.record.client.upgrade(Tunnel { protocol, io, ahead, ticket });
        }
        response(head, fields, AnswerBody::Empty)
    }
}

/// Tells a sticky client where it was.
fn tell(sticky: Option<&Sticky>, record: &Record, fields: &mut HeaderMap) {
    if let (Some(sticky), Some(ticket)) = (sticky, &record.ticket) {
        sticky.tell(&ticket.backend, fields);
    }
}

fn response(head: Head, fields: HeaderMap, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = fields;
    if let Some(reason) = head.reason {
        response.extensions_mut().insert(reason);
    }
    response
}
