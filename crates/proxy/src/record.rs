//! One request from its head to its end, whatever the end is: counted and logged exactly once.

use crate::access_log::Asked;
use crate::app::App;
use crate::backend::{Backend, Ticket};
use crate::exchange::Exchange;
use crate::worker::Worker;
use gapless_model::ErrorPages;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// An instance has answered in full.
    Served,
    /// The proxy has answered by itself that it cannot be served: lost.
    Lost,
    /// Its app is stopped, or takes none as large: nobody promised to serve it.
    Refused,
    /// Not a request that any app could have served.
    NoApp,
    /// The answer broke off in the middle: lost.
    Cut,
    /// The client went away.
    ClientGone,
}

/// A request in the making. Dropped before it has ended, it was the client who went.
pub(crate) struct Record {
    worker: Rc<Worker>,
    pub(crate) client: Exchange,
    pub(crate) app: Option<Rc<App>>,
    /// Whoever works on it, counted as in flight.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) began: Instant,
    pub(crate) id: HeaderValue,
    pub(crate) tries: u32,
    pub(crate) held: Duration,
    pub(crate) status: StatusCode,
    pub(crate) bytes: u64,
    pub(crate) asked: Option<Box<Asked>>,
    /// It was counted as sent again.
    pub(crate) retried: bool,
    ended: bool,
}

impl Record {
    /// A request whose head was just read.
    pub(crate) fn new(worker: Rc<Worker>, client: Exchange, head: &Parts, began: Instant) -> Self {
        let id = crate::headers::request_id(&head.headers, &worker.ids);
        let asked = worker.access_log.ask(head);
        Self {
            worker,
            client,
            app: None,
            ticket: None,
            began,
            id,
            tries: 0,
            held: Duration::ZERO,
            status: StatusCode::OK,
            bytes: 0,
            asked,
            retried: false,
            ended: false,
        }
    }

    /// Pages for an answer of the proxy itself: the app's own before those of all.
    pub(crate) fn error_pages(&self) -> [ErrorPages; 2] {
        let of_app = self.app.as_ref().map(|app| app.error_pages());
        [of_app.unwrap_or_default(), self.worker.error_pages()]
    }

    /// It has ended: counted, logged, and out of flight.
    pub(crate) fn end(&mut self, how: Ending) {
        // Most have ended when their answer is dropped: nobody looks at the clock for that.
        if !self.ended {
            self.end_at(how, Instant::now());
        }
    }

    /// The same, by somebody who has just looked at the clock.
    pub(crate) fn end_at(&mut self, how: Ending, now: Instant) {
        self.end_keeping_ticket(how, now);
        self.ticket = None;
    }

    /// It has ended, and the instance goes on with something else: the ticket is for that.
    pub(crate) fn end_keeping_ticket(&mut self, how: Ending, now: Instant) -> Option<Ticket> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        self.client.end((how == Ending::ClientGone).then(|| self.began.elapsed()));
        let backend = self.ticket.as_ref().map(|ticket| Rc::clone(&ticket.backend));
        let took = now.saturating_duration_since(self.began);
        self.count(how, took, backend.as_deref());
        if let Some(asked) = self.asked.take() {
            let status = match how {
                // The client has not seen it, and never will: the word of nginx for it.
                Ending::ClientGone => 499,
                _ => self.status.as_u16(),
            };
            self.worker.access_log.write(self, &asked, status, took, backend.as_deref());
        }
        self.ticket.take()
    }

    fn count(&self, how: Ending, took: Duration, backend: Option<&Backend>) {
        if self.app.as_ref().is_some_and(|app| app.is_private()) {
            return;
        }
        match (how, backend) {
            (Ending::Served, Some(backend)) => backend.meter.answered(self.status, took, self.bytes),
            (Ending::NoApp, _) => self.worker.count(|counters| counters.unrouted += 1),
            _ => {}
        }
        let server_error = self.status.is_server_error();
        let tallies = [self.app.as_ref().map(|app| &app.tally), backend.map(|backend| &backend.tally)];
        for tally in tallies.into_iter().flatten() {
            tally.add(|count| match how {
                Ending::Served => {
                    count.served += 1;
                    count.served_5xx += u64::from(server_error);
                }
                Ending::Lost | Ending::Cut => count.failed += 1,
                Ending::Refused => count.refused += 1,
                Ending::ClientGone => count.client_gone += 1,
                Ending::NoApp => {}
            });
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Ending::ClientGone);
        }
    }
}
