//! Every message that a user can see, held by a snapshot.

use super::account::{Account, account};
use super::apply::Would;
use super::fixtures::*;
use super::progress::{At, Shown};
use super::{
    app as one_app, apply, diagnostics, history, logs, next_step, progress, receipt as receipts, releases,
    status as all,
};
use crate::errors::Error;
use crate::exit::Exit as ExitCode;
use anstream::adapter::strip_str;
use gapless_api::request::{ReleaseRow, Shortage};
use gapless_api::{Applied, ApplyResult, ClientError, ErrorBody, ErrorKind, RolloutTicket};
use gapless_config::{Config, Start};
use gapless_load::{Failure as LostRequest, FailureKind, Gap, Latency, Report, StreamReport, VersionCount};
use gapless_model::event::{Asker, Event, What};
use gapless_model::probe::ProbeAnswer;
use gapless_model::receipt::Flip;
use gapless_model::release::{Mark, Revision};
use gapless_model::{
    AbortReason, Exit, Failure, Moment, Outcome, RolloutId, RolloutKind, RolloutPhase, TrafficCount, Until,
    WaitingOn, WallTime,
};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;

macro_rules! holds {
    ($name:literal, $text:expr) => {{
        let text = strip_str(&$text).to_string();
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, text);
        });
    }};
}

/// Cases one below the other, each under its name.
fn cases<'a>(cases: impl IntoIterator<Item = (&'a str, String)>) -> String {
    cases.into_iter().fold(String::new(), |mut all, (name, text)| {
        _ = writeln!(all, "--- {name}\n{}\n", text.trim_end());
        all
    })
}

#[test]
fn receipts_of_rollouts_that_completed() {
    let mut lossy = receipt(Some(R1), Outcome::Completed);
    lossy.traffic = TrafficCount { served_5xx: 14, failed: 1_002, client_gone: 3, ..lossy.traffic };
    let mut first = receipt(None, Outcome::Completed);
    first.traffic = TrafficCount::default();
    let mut flipped = receipt(Some(R1), Outcome::Completed);
    flipped.flips = vec![Flip { to: R2, micros: 2_349 }];
    holds!(
        "receipt_completed",
        cases([
            ("nothing lost", receipts::receipt(&receipt(Some(R1), Outcome::Completed), &[])),
            ("reloaded", receipts::receipt(&receipt(Some(R2), Outcome::Completed), &[])),
            ("something lost", receipts::receipt(&lossy, &[])),
            ("the first release", receipts::receipt(&first, &[])),
            ("flipped", receipts::receipt(&flipped, &[])),
        ])
    );
}

#[test]
fn receipts_of_rollouts_that_did_not_complete() {
    let why =
        failed(deadline_passed(ProbeAnswer::Status { code: 503, location: None, body: "warming up".into() }));
    let output = [log(7, false, "listening"), log(7, true, "Error: no database")];
    let long: Vec<_> = (1..=14).map(|n| log(7, true, &format!("line {n}"))).collect();
    let crash =
        failed(Failure::Exited { exit: Exit::Code(1), ran: Duration::from_millis(850), was_ready: true });
    let aborted = |why| receipt(Some(R1), Outcome::Aborted { why });
    let not_verified = AbortReason::NotVerified {
        what: "`npm run smoke` exited with code 1".into(),
        output: vec!["✓ home".into(), "✗ checkout: 500".into()],
    };
    let not_promoted = AbortReason::NotPromoted { after: Duration::from_secs(86_400) };
    let not_up = AbortReason::NotUp { app: "db".parse().unwrap() };
    let mut flipped = aborted(AbortReason::Asked);
    flipped.flips = vec![Flip { to: R2, micros: 2_349 }, Flip { to: R1, micros: 12_020 }];
    holds!(
        "receipt_not_completed",
        cases([
            ("never ready", receipts::receipt(&aborted(why.clone()), &output)),
            ("crash in service, much output", receipts::receipt(&aborted(crash.clone()), &long)),
            ("asked for", receipts::receipt(&aborted(AbortReason::Asked), &[])),
            ("stopped", receipts::receipt(&aborted(AbortReason::AppStopped), &[])),
            ("not verified", receipts::receipt(&aborted(not_verified), &[])),
            ("not promoted", receipts::receipt(&aborted(not_promoted), &[])),
            ("flipped back", receipts::receipt(&flipped, &[])),
            ("rebooted", receipts::receipt(&aborted(AbortReason::MachineRestarted), &[])),
            ("the first release", receipts::receipt(&receipt(None, Outcome::Failed { why }), &output)),
            ("an app that does not come up", receipts::stuck(&app(), &crash, &output)),
            (
                "the first release, which waits in vain",
                receipts::receipt(&receipt(None, Outcome::Failed { why: not_up.clone() }), &[]),
            ),
            ("an app that waits in vain", receipts::stuck(&app(), &not_up, &[])),
            ("dropped", receipts::dropped(&app(), "rollout #5 took its place")),
        ])
    );
}

#[test]
fn every_failure_has_a_next_step() {
    let status = |code, location: Option<&str>| ProbeAnswer::Status {
        code,
        location: location.map(Into::into),
        body: String::new(),
    };
    let answers = [
        ("redirect", status(302, Some("/login"))),
        ("not found", status(404, None)),
        ("forbidden", status(403, None)),
        ("server error", status(500, None)),
        ("elsewhere", ProbeAnswer::NotListening { instead: vec!["127.0.0.1:4000".into()] }),
        ("nowhere", ProbeAnswer::NotListening { instead: Vec::new() }),
        ("slow", ProbeAnswer::TimedOut { after: Duration::from_secs(2) }),
        ("silent", ProbeAnswer::NotNotified { status: None }),
    ];
    let mut failures: Vec<_> = answers.map(|(name, answer)| (name, deadline_passed(answer))).into();
    let exited =
        |was_ready| Failure::Exited { exit: Exit::Code(1), ran: Duration::from_millis(30), was_ready };
    failures.extend([
        ("no answer at all", Failure::StartDeadline { after: Duration::from_secs(5), report: None }),
        ("no program", Failure::Spawn { message: "nodee: no such file".into() }),
        ("crash at boot", exited(false)),
        ("crash in service", exited(true)),
        (
            "out of memory",
            Failure::Exited {
                exit: Exit::OutOfMemory { limit: Some(512_000_000) },
                ran: Duration::from_secs(75),
                was_ready: false,
            },
        ),
        (
            "wedged",
            Failure::Wedged { report: probe(ProbeAnswer::TimedOut { after: Duration::from_secs(2) }) },
        ),
    ]);
    let step = |failure: &Failure| next_step::next_step(&app(), &failed(failure.clone())).unwrap();
    holds!("next_steps", cases(failures.iter().map(|(name, f)| (*name, format!("{f}\n→ {}", step(f))))));
    assert_eq!(next_step::next_step(&app(), &AbortReason::Asked), None);
}

#[test]
fn progress_drawn_and_written() {
    let shown = |at| Shown { app: app(), to: Some(R2), at };
    let rolling = shown(At::Stand(Box::new(stand(vec![to_become_ready(4), to_drain(1, 3)]))));
    let mut lossy = stand(Vec::new());
    lossy.failed = 2;
    lossy.phase = Some(RolloutPhase::Baking { since: Moment::from_millis(1), until: Moment::from_millis(2) });
    let mut settling = stand(vec![to_drain(1, 3)]);
    (settling.phase, settling.served) = (None, 0);
    let mut stopping = settling.clone();
    (stopping.wanted, stopping.ready, stopping.split) = (0, [].into(), [].into());
    let mut held_back = stand(vec![to_be_up("db", Until::Ready), to_be_up("migrate", Until::Ended)]);
    (held_back.served, held_back.ready, held_back.split) = (0, [].into(), [].into());
    let all = [
        ("asking", shown(At::Asking)),
        ("queued", shown(At::Queued(RolloutId(3)))),
        ("silent", shown(At::Silent)),
        ("rolling", rolling.clone()),
        ("lossy", shown(At::Stand(Box::new(lossy)))),
        ("settling", Shown { to: None, ..shown(At::Stand(Box::new(settling))) }),
        ("held back", shown(At::Stand(Box::new(held_back)))),
        ("stopping", Shown { to: None, ..shown(At::Stand(Box::new(stopping))) }),
    ];
    let age = Duration::from_millis(1_500);
    holds!("progress_drawn", cases(all.iter().map(|(name, s)| (*name, progress::live(s, age, "⠋")))));
    holds!("progress_written", cases(all.iter().map(|(name, s)| (*name, progress::plain(s)))));

    let fewer = shown(At::Stand(Box::new(stand(vec![to_become_ready(4), to_drain(1, 2)]))));
    assert_eq!(
        progress::plain(&rolling),
        progress::plain(&fewer),
        "a request that ends is no line of its own"
    );
}

#[test]
fn what_runs() {
    holds!("status", all::status(&status(vec![app_status(), rolling(), in_trouble(), stopped()])));
    holds!("status_ejected", all::status(&status(vec![with_an_ejected_one()])));
    let mut bad = status(vec![app_status()]);
    bad.gapless.troubles = vec!["the disk is full: logs are lost".into()];
    bad.gapless.proxy_pid = None;
    holds!("status_troubles", all::status(&bad));
    let mut paused = rolling();
    let resume = waiting(WaitingOn::Resume { since: Moment::from_millis(5) }, None);
    (paused.rollout.as_mut().unwrap().paused, paused.waiting) = (Some(Moment::from_millis(5)), vec![resume]);
    holds!(
        "status_app",
        cases([
            ("at rest", one_app::app(&app_status())),
            ("rolling", one_app::app(&rolling())),
            ("paused", one_app::app(&paused)),
            ("previewed", one_app::app(&previewed())),
            ("in trouble", one_app::app(&in_trouble())),
            ("stopped", one_app::app(&stopped())),
        ])
    );
}

#[test]
fn output_of_apps() {
    holds!(
        "logs",
        [log(9, false, "up"), log(10, true, "oh no"), log(9, false, "")].map(|l| logs::line(&l, 6)).concat()
    );
}

#[test]
fn releases_and_history() {
    let row = |release, mark, own_code| ReleaseRow {
        release,
        current: release == R2,
        mark,
        created: WallTime::from_millis(1_795_250_000_000),
        command: "node server.js".into(),
        directory: if own_code { "/g/apps/api/releases/r2/code".into() } else { "/srv/api".into() },
        own_code,
        revision: None,
    };
    let commit = "3f1c9a0be27d4455a1b0c8f7e6d5c4b3a2918070".to_owned();
    let of_commit = ReleaseRow {
        revision: Some(Revision { name: "v1.4".into(), commit }),
        ..row(gapless_model::ReleaseId(3), Mark::Untried, true)
    };
    holds!(
        "releases",
        releases::releases(
            &[of_commit, row(R2, Mark::Good, true), row(R1, Mark::Untried, false)],
            &TimeZone::UTC
        )
    );

    let rollout = RolloutId(4);
    let why =
        failed(Failure::Exited { exit: Exit::Signal(11), ran: Duration::from_millis(30), was_ready: false });
    let ended = |from, outcome: Outcome| What::RolloutEnded {
        rollout,
        outcome: outcome.clone(),
        receipt: Box::new(receipt(from, outcome)),
    };
    let returning =
        RolloutPhase::Returning { since: Moment::from_millis(1), why: why.clone(), flipped: false };
    let AbortReason::InstanceFailed { failure, .. } = why.clone() else { panic!() };
    let ann =
        || Asker { uid: 1000, user: Some("ann".into()), pid: Some(4711), program: Some("gapless".into()) };
    let all = [
        What::AppDefined,
        What::ReleaseMade { release: R1 },
        What::RolloutBegan { rollout, kind: RolloutKind::Up, from: None, to: R1 },
        What::RolloutBegan { rollout, kind: RolloutKind::Deploy, from: Some(R1), to: R2 },
        What::InstanceStarted { instance: instance(7), release: R2 },
        What::InstanceFailed { instance: instance(7), failure },
        What::RolloutMoved { rollout, phase: returning },
        What::RolloutMoved { rollout, phase: RolloutPhase::Retiring { since: Moment::from_millis(1) } },
        What::RolloutMoved {
            rollout,
            phase: RolloutPhase::Ended { at: Moment::from_millis(1), outcome: Outcome::Completed },
        },
        What::RolloutPaused { rollout },
        What::RolloutResumed { rollout },
        What::RolloutSuperseded { kind: RolloutKind::Reload, by: RolloutKind::Deploy },
        ended(Some(R1), Outcome::Completed),
        ended(Some(R1), Outcome::Aborted { why: why.clone() }),
        ended(Some(R1), Outcome::Aborted { why: AbortReason::Asked }),
        ended(None, Outcome::Failed { why }),
        What::InstanceStopped { instance: instance(7), exit: Some(Exit::Code(0)) },
        What::InstanceStopped { instance: instance(8), exit: None },
        What::Scaled { from: 2, to: 1 },
        What::SettingsChanged,
        What::AppStopped,
        What::AppStarted,
        What::AppDeleted,
        What::InstanceFailed {
            instance: instance(7),
            failure: Failure::Exited {
                exit: Exit::OutOfMemory { limit: Some(512_000_000) },
                ran: Duration::from_secs(75),
                was_ready: true,
            },
        },
        What::InstanceFailed {
            instance: instance(7),
            failure: Failure::Exited {
                exit: Exit::OutOfMemory { limit: None },
                ran: Duration::from_millis(80),
                was_ready: false,
            },
        },
        What::InstanceOutgrown { instance: instance(7), memory: 500 << 20, most: 300 << 20 },
        What::ControlStarted { adopted: 3 },
        What::Asked { by: ann(), command: "reload api".into() },
        What::Refused {
            by: Asker { user: None, pid: None, program: None, ..ann() },
            command: "stop api".into(),
            times: 1,
        },
        What::Refused { by: ann(), command: "down".into(), times: 12 },
        What::Trouble { message: "the disk is\nfull".into() },
    ];
    let events = all.into_iter().zip(1..).map(|(what, seq)| {
        let app = (!matches!(what, What::ControlStarted { .. } | What::Trouble { .. })).then(app);
        Event { seq, at: WallTime::from_millis(1_795_250_000_000 + seq * 1_000), app, what }
    });
    holds!("history", history::history(&events.collect::<Vec<_>>(), &TimeZone::UTC));
}

#[test]
fn what_up_finds_to_do() {
    let ticket =
        |after, supersedes| RolloutTicket { after, supersedes, ..RolloutTicket::new(RolloutId(4), R2) };
    let shortage = Shortage { needed: 800 << 20, available: 300 << 20 };
    let apps = [
        Applied::Unchanged,
        Applied::Settings { changes: vec!["instances: 2 → 4".into()] },
        Applied::Started,
        Applied::Rollout { ticket: ticket(None, None), changes: Vec::new() },
        Applied::Rollout {
            ticket: ticket(None, None),
            changes: vec!["env.NODE_ENV".into(), "command".into()],
        },
        Applied::Rollout {
            ticket: ticket(Some(RolloutId(2)), Some(RolloutId(3))),
            changes: vec!["command".into()],
        },
        Applied::Rollout {
            ticket: RolloutTicket { shortage: Some(shortage), ..ticket(None, None) },
            changes: Vec::new(),
        },
        Applied::Rollout { ticket: RolloutTicket { back: true, ..ticket(None, None) }, changes: Vec::new() },
    ];
    let result = ApplyResult {
        apps: apps.into_iter().map(|applied| (app(), applied)).collect(),
        warnings: vec!["no certificate is for a.test: clients who ask for it see the one in a.pem".into()],
    };
    let changes = || vec!["command".into(), "instances: 2 → 4".into()];
    let would = [
        Would::Nothing,
        Would::Begin,
        Would::Start { changes: Vec::new() },
        Would::Start { changes: changes() },
        Would::Change { changes: changes() },
    ];
    let would = would.map(|would| (app(), would));
    let done: String = result.apps.iter().map(|(app, applied)| apply::done(app, applied)).collect();
    holds!(
        "up",
        cases([
            ("warned", apply::warnings(&result)),
            ("before it is watched", apply::begins(&result)),
            ("not watched", apply::applied(&result)),
            ("check", apply::would(&would)),
            ("settled", done),
            ("nothing to do", apply::nothing_changed(&result)),
        ])
    );
}

#[test]
fn errors_have_a_hint_and_a_code() {
    let refused = |kind, hint: Option<&str>| {
        Error::from(ClientError::Refused(ErrorBody {
            kind,
            message: "no app web".into(),
            hint: hint.map(Into::into),
            about: None,
        }))
    };
    let socket = "/g/control.sock".into();
    let asked = || "GET /v1/status".to_owned();
    let not_there = || io::Error::from(io::ErrorKind::NotFound);
    let home = || "/g".into();
    let errors = [
        (refused(ErrorKind::NotFound, Some("there are: api")), ExitCode::Usage),
        (refused(ErrorKind::BadRequest, None), ExitCode::Usage),
        (refused(ErrorKind::Conflict, None), ExitCode::Failed),
        (refused(ErrorKind::Failed, None), ExitCode::Failed),
        (ClientError::NotReachable { socket, source: not_there() }.into(), ExitCode::Unreachable),
        (ClientError::Broken { asked: asked(), message: "cut".into() }.into(), ExitCode::Unreachable),
        (ClientError::Unreadable { asked: asked(), message: "no".into() }.into(), ExitCode::Unreachable),
        (Error::NothingHere { home: home() }, ExitCode::Unreachable),
        (refused(ErrorKind::Forbidden, Some("ask ann")), ExitCode::Failed),
        (
            ClientError::NotReachable {
                socket: "/g/control.sock".into(),
                source: io::ErrorKind::PermissionDenied.into(),
            }
            .into(),
            ExitCode::Unreachable,
        ),
        (Error::NotOurs { home: home(), owner: "the user with the uid 7".into() }, ExitCode::Unreachable),
        (Error::NotUp { home: home(), seconds: 10, log: vec!["panicked".into()] }, ExitCode::Unreachable),
        (Error::NoKeeper { home: home(), source: not_there() }, ExitCode::Unreachable),
        (Error::usage("no").hint("yes"), ExitCode::Usage),
        (Error::failed("it failed"), ExitCode::Failed),
        (Error::Detached { message: "api goes on".into(), hint: "look".into() }, ExitCode::Interrupted),
        (Error::Output(not_there()), ExitCode::Failed),
        (Error::Output(io::ErrorKind::BrokenPipe.into()), ExitCode::Done),
    ];
    let text = errors.iter().map(|(error, exit)| {
        assert_eq!(error.exit(), *exit, "{error}");
        format!("{}({})\n\n", error.render(), *exit as u8)
    });
    holds!("errors", text.collect::<String>());
}

#[test]
fn diagnostics_point_at_the_place() {
    // In a table whose keys are not many, and stay: they are all named.
    let text = "[apps.api]\ncommand = \"node server.js\"\n\n[apps.api.stop]\ntimeot = \"3s\"\n";
    let report = Config::parse("gapless.toml", text.into(), "/".into(), &BTreeMap::new()).unwrap_err();
    holds!("diagnostics", diagnostics::render(&report));
    let error = Error::config(report);
    assert_eq!(error.exit(), ExitCode::Usage);

    let start = Start {
        words: vec!["node".into()],
        instances: Some("0".into()),
        cwd: "/".into(),
        ..Start::default()
    };
    holds!("diagnostics_start", diagnostics::render(&Config::from_command(&start).unwrap_err()));
}

#[test]
fn the_account_of_the_demo() {
    let stream = |name: &str, right, lost| StreamReport {
        name: name.into(),
        right,
        lost,
        latency: Latency::default(),
    };
    let mut report = Report {
        requests: 1_500,
        right: 1_500,
        by_version: [("1", 400), ("2", 1_100)]
            .map(|(v, answers)| (v.into(), VersionCount { answers, first_ms: 0, last_ms: 9 }))
            .into(),
        streams: vec![stream("kept connections", 1_000, 0), stream("orders by POST", 500, 0)],
        longest_gap: Gap { from_ms: 5, ms: 40 },
        ..Report::default()
    };
    report.latency.max_us = 45_600;
    let proxy = TrafficCount { served: 1_500, retried: 2, ..TrafficCount::default() };
    let good = account(&Account { customers: &report, proxy });
    report.lost_by_kind = [(FailureKind::Reset, 1)].into();
    report.streams[1].lost = 1;
    report.failures = vec![LostRequest {
        at_ms: 1_234,
        after_ms: 7,
        stream: "orders by POST".into(),
        kind: FailureKind::Reset,
        what: "connection reset by peer".into(),
    }];
    let bad = account(&Account { customers: &report, proxy: TrafficCount { failed: 1, ..proxy } });
    holds!("demo_account", cases([("nothing lost", good), ("something lost", bad)]));
}
