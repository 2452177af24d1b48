//! What commands ask, and the codes that they exit with.

use super::played::{Played, Reply, session};
use crate::args::{Cli, Command};
use crate::commands;
use crate::errors::Error;
use crate::exit::Exit;
use crate::render::fixtures::{R1, deadline_passed, failed, receipt, stand, status, stopped};
use crate::session::{Need, Session};
use clap::Parser;
use gapless_api::{Progress, RolloutTicket};
use gapless_model::probe::ProbeAnswer;
use gapless_model::{Outcome, RolloutId};
use std::future::Future;
use std::rc::Rc;

/// Runs a test as the command line runs: one thread, local tasks.
fn local<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn ticket() -> Reply {
    let ticket = RolloutTicket::new(RolloutId(4), R1);
    Reply::Json(200, json(&ticket))
}

fn done() -> Reply {
    Reply::Json(200, r#"{"message":"stopping"}"#.into())
}

fn at() -> String {
    json(&Progress::At(Box::new(stand(Vec::new()))))
}

fn ended(outcome: Outcome) -> String {
    let receipt = Box::new(receipt(Some(R1), outcome));
    json(&Progress::Ended { receipt, last_output: Vec::new() })
}

async fn run(session: &Rc<Session>, words: &[&str]) -> Result<Exit, Error> {
    let words = ["gapless"].iter().chain(words);
    match Cli::try_parse_from(words).unwrap().command {
        Command::Reload(args) => commands::reload::run(session, args).await,
        Command::Stop(args) => commands::stop::run(session, args).await,
        Command::Delete(args) => commands::delete::run(session, args).await,
        Command::Scale(args) => commands::scale::run(session, args).await,
        Command::Start(args) => commands::start::run(session, args).await,
        Command::Status(args) => commands::status::run(session, args).await,
        Command::Down(args) => commands::down::run(session, args).await,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rollout_is_followed_to_its_end_and_its_outcome_is_the_code() {
    let why = failed(deadline_passed(ProbeAnswer::NotNotified { status: None }));
    let outcomes = [
        (ended(Outcome::Completed), Exit::Done),
        (ended(Outcome::Aborted { why: why.clone() }), Exit::Aborted),
        (ended(Outcome::Failed { why }), Exit::Failed),
        (json(&Progress::Dropped { message: "the app was deleted".into() }), Exit::Failed),
    ];
    for (last, exit) in outcomes {
        local(async {
            let control = Played::new(vec![
                ("POST /v1/apps/api/reload", vec![ticket()]),
                ("GET /v1/rollouts/4/follow", vec![Reply::Lines(vec![at(), last])]),
            ]);
            assert_eq!(run(&control.session(), &["reload", "api"]).await.unwrap(), exit);
        });
    }
}

#[test]
fn whoever_detaches_does_not_follow() {
    local(async {
        let control = Played::new(vec![("POST /v1/apps/api/reload", vec![ticket()])]);
        let exit = run(&control.session(), &["reload", "api", "--detach"]).await.unwrap();
        assert_eq!(exit, Exit::Done);
        assert_eq!(control.asked(), ["POST /v1/apps/api/reload"]);
    });
}

#[test]
fn a_control_that_dies_in_the_middle_is_asked_again() {
    local(async {
        let end = Reply::Lines(vec![ended(Outcome::Completed)]);
        let control = Played::new(vec![
            ("POST /v1/apps/api/reload", vec![ticket()]),
            ("GET /v1/rollouts/4/follow", vec![Reply::Cut(vec![at()]), Reply::Lines(vec![at()]), end]),
        ]);
        assert_eq!(run(&control.session(), &["reload", "api"]).await.unwrap(), Exit::Done);
        assert_eq!(control.asked().len(), 4);
    });
}

#[test]
fn one_that_was_aborted_among_several_is_the_code_of_all() {
    local(async {
        let why = failed(deadline_passed(ProbeAnswer::NotNotified { status: None }));
        let control = Played::new(vec![
            ("POST /v1/apps/a/reload", vec![ticket()]),
            ("POST /v1/apps/b/reload", vec![ticket()]),
            (
                "GET /v1/rollouts/4/follow",
                vec![
                    Reply::Lines(vec![ended(Outcome::Aborted { why })]),
                    Reply::Lines(vec![ended(Outcome::Completed)]),
                ],
            ),
        ]);
        assert_eq!(run(&control.session(), &["reload", "a", "b", "--json"]).await.unwrap(), Exit::Aborted);
    });
}

#[test]
fn apps_are_followed_until_they_have_settled_or_are_gone() {
    local(async {
        let gone = Reply::Json(404, r#"{"kind":"not-found","message":"no app api","hint":null}"#.into());
        let settled = Reply::Lines(vec![at(), json(&Progress::Settled)]);
        let control = Played::new(vec![
            ("POST /v1/apps/api/stop", vec![done()]),
            ("DELETE /v1/apps/api", vec![done()]),
            ("POST /v1/apps/api/scale", vec![done()]),
            ("GET /v1/apps/api/follow", vec![settled.clone(), gone, settled]),
        ]);
        let session = control.session();
        for words in [["stop", "api"].as_slice(), &["delete", "api"], &["scale", "api", "3"]] {
            assert_eq!(run(&session, words).await.unwrap(), Exit::Done);
        }
    });
}

#[test]
fn of_many_each_is_followed_in_its_turn() {
    local(async {
        let many: Vec<String> = (0..50).map(|n| format!("a{n}")).collect();
        let settled = Reply::Lines(vec![json(&Progress::Settled)]);
        let control =
            Played::new(vec![("POST /v1/apps/", vec![done(); 50]), ("GET /v1/apps/", vec![settled; 50])]);
        let words: Vec<_> = std::iter::once("stop").chain(many.iter().map(String::as_str)).collect();
        assert_eq!(run(&control.session(), &words).await.unwrap(), Exit::Done);
        assert_eq!(control.asked().len(), 100);
    });
}

#[test]
fn a_stopped_app_is_started_by_its_name() {
    local(async {
        let control = Played::new(vec![
            ("GET /v1/status", vec![Reply::Json(200, json(&status(vec![stopped()])))]),
            ("POST /v1/apps/old/start", vec![done()]),
            ("GET /v1/apps/old/follow", vec![Reply::Lines(vec![json(&Progress::Settled)])]),
        ]);
        assert_eq!(run(&control.session(), &["start", "old"]).await.unwrap(), Exit::Done);
    });
}

#[test]
fn an_app_that_is_not_there_is_bad_usage() {
    local(async {
        let control =
            Played::new(vec![("GET /v1/status", vec![Reply::Json(200, json(&status(vec![stopped()])))])]);
        let error = run(&control.session(), &["status", "odl"]).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.render().contains("did you mean old?"), "{}", error.render());
    });
}

#[test]
fn nothing_is_started_just_to_look() {
    local(async {
        let home = tempfile::tempdir().unwrap();
        let session = session(home.path());
        let nothing = run(&session, &["status"]).await.unwrap_err();
        assert!(matches!(nothing, Error::NothingHere { .. }));
        assert_eq!(nothing.exit(), Exit::Unreachable);
        assert_eq!(run(&session, &["down"]).await.unwrap(), Exit::Done);
        assert!(matches!(session.reach(Need::Resume).await, Err(Error::NothingHere { .. })));

        // Apps were defined: what acts on them starts Gapless, what looks does not.
        std::fs::write(home.path().join("journal.db"), "").unwrap();
        assert!(matches!(session.reach(Need::Look).await, Err(Error::NothingHere { .. })));
        assert!(matches!(session.reach(Need::Resume).await, Err(Error::NoKeeper { .. })));

        // Control was killed, as its socket is still there: everybody brings it back.
        drop(std::os::unix::net::UnixListener::bind(home.path().join("control.sock")).unwrap());
        assert!(matches!(session.reach(Need::Look).await, Err(Error::NoKeeper { .. })));
        assert!(matches!(run(&session, &["down"]).await, Err(Error::NoKeeper { .. })));
    });
}
