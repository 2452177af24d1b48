//! The load of these tests, and the one thing that is asked of it.

use crate::site::Site;
use gapless_load::{FailureKind, LoadThread, Plan, Report, RequestKind, Stream, VersionFrom};
use std::time::Duration;

/// The longest that a load goes on if nobody stops it.
const AT_MOST: Duration = Duration::from_secs(120);

/// How many clients a [`plan`] has: what can be under way when a proxy is killed.
pub const CLIENTS: u64 = 34;

/// How the clients of a load connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Over kept connections, in a tight loop.
    KeepAlive,
    /// With a new connection for each request.
    Anew,
    /// Both, half and half.
    Mixed,
}

/// What PEERS.md measured with: 32 clients on a 20 ms handler; three in four `GET /`, the others `POST` with
/// bodies of up to 20 kB, each with an `Idempotency-Key` if `keyed`; and two clients with slow answers.
pub fn plan(site: &Site, clients: Clients, keyed: bool) -> Plan {
    let get = |name: &str, n| Stream::new(name, n, RequestKind::get("/"));
    let post = |name: &str, n| {
        let kind = RequestKind::Post { path: "/echo".into(), size: 0..=20_000, idempotency_key: keyed };
        Stream::new(name, n, kind).verified_by(gapless_load::Verify::Sha256)
    };
    let slow = Stream::new("slow answers", 2, RequestKind::get("/slow?ms=400"));
    let plan =
        Plan::new(site.address(), AT_MOST).versioned_by(VersionFrom::Header("x-version".into())).with(slow);
    match clients {
        Clients::KeepAlive => plan.with(get("kept", 24)).with(post("kept, POST", 8)),
        Clients::Anew => {
            plan.with(get("anew", 24).connecting_anew()).with(post("anew, POST", 8).connecting_anew())
        }
        Clients::Mixed => plan
            .with(get("kept", 12))
            .with(post("kept, POST", 4))
            .with(get("anew", 12).connecting_anew())
            .with(post("anew, POST", 4).connecting_anew()),
    }
}

/// Begins a load and waits until it is really there.
///
/// # Panics
/// It cannot be started, or gets no answers.
#[track_caller]
#[expect(clippy::expect_used, reason = "a test cannot go on without")]
pub fn begin(plan: Plan) -> LoadThread {
    let load = LoadThread::start(plan).expect("a thread for the load");
    gapless_testkit::wait::wait_for("the first 100 answers", crate::site::PATIENCE, || {
        (load.handle().progress().right >= 100).then_some(())
    });
    load
}

/// The report, if nothing was lost and enough was sent that something could have been.
///
/// # Panics
/// A request was lost: with all that is known of it.
#[track_caller]
pub fn nothing_lost(load: LoadThread) -> Report {
    let report = load.stop();
    assert_eq!(report.lost(), 0, "{report}");
    assert!(report.requests >= 100, "too little load to lose anything: {report}");
    report
}

/// What a load has lost so far: only what was in a proxy that was killed.
#[derive(Debug, Default)]
pub struct Losses(u64);

impl Losses {
    /// How many requests.
    pub const fn total(&self) -> u64 {
        self.0
    }

    /// Takes note of what was lost by something that was done just now, once every client can have said so.
    ///
    /// # Panics
    /// More than its clients had under way was lost, or anything if no proxy was killed.
    #[track_caller]
    pub fn note(&mut self, load: &LoadThread, by: impl std::fmt::Debug, proxy_killed: bool) {
        let answered = load.handle().progress().right;
        gapless_testkit::wait::wait_for("answers", crate::site::PATIENCE, || {
            (load.handle().progress().right >= answered + 100).then_some(())
        });
        let report = load.handle().report();
        let lost = report.lost() - self.0;
        self.0 += lost;
        let most = if proxy_killed { CLIENTS } else { 0 };
        assert!(lost <= most, "{lost} were lost by {by:?}: {report}");
    }

    /// Ends the load.
    ///
    /// # Panics
    /// Something was lost that was not taken note of, or a connection refused.
    #[track_caller]
    pub fn complete(&self, load: LoadThread) -> Report {
        let report = load.stop();
        assert_eq!(report.lost_as(FailureKind::Refused), 0, "{report}");
        assert_eq!(report.lost(), self.0, "{report}");
        report
    }
}
