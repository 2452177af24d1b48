//! What scripts read: `--json`, `--detach`, exit codes, `releases` and `history`.

use super::stage::{releases, slow};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Site};
use gapless_model::Outcome;
use gapless_model::event::{Event, What};
use gapless_model::release::Mark;
use serde_json::Value;
use std::time::Duration;

/// The one line of JSON that a command printed.
#[track_caller]
fn json(site: &Site, words: &[&str], code: i32) -> Value {
    let outcome = site.gapless(words).exits(code);
    serde_json::from_str(&outcome.out).unwrap_or_else(|e| panic!("{words:?}: {e}\n{}", outcome.text()))
}

#[test]
fn json_is_all_that_is_printed() {
    let site = Site::new();
    CaseApp::new(1).define(&site);
    let up = json(&site, &["up", "--json"], 0);
    assert_eq!(up["apps"][0]["app"], "app", "{up}");
    assert_eq!(up["apps"][0]["receipt"]["outcome"]["outcome"], "completed", "{up}");
    assert_eq!(json(&site, &["up", "--json"], 0)["apps"], Value::Array(Vec::new()));
    CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) }.define(&site);
    let failed = json(&site, &["up", "--json"], 3);
    assert_eq!(failed["apps"][0]["receipt"]["outcome"]["outcome"], "aborted", "{failed}");
    CaseApp::new(1).define(&site);

    for words in [
        &["check", "--json"][..],
        &["reload", "app", "--json"],
        &["rollback", "app", "--to", "r1", "--json"],
        &["scale", "app", "2", "--json"],
        &["restart", "app", "--json"],
        &["status", "--json"],
        &["status", "app", "--json"],
        &["releases", "app", "--json"],
        &["history", "--json"],
        &["history", "app", "--json"],
        &["stop", "app", "--json"],
        &["start", "app", "--json"],
        &["delete", "app", "--json"],
    ] {
        json(&site, words, 0);
    }
    json(&site, &["down", "--json"], 0);
}

#[test]
fn json_of_logs_is_one_object_a_line() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let logs = site.gapless(&["logs", "app", "--json"]).succeeds();
    let lines: Vec<Value> = logs.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|l| l["text"] == "v1: listening on port 3000").count(), 2, "{}", logs.out);
    assert!(lines.iter().all(|l| l["err"] == false && l["instance"].as_str().is_some()));
}

#[test]
fn detached_it_goes_on_by_itself() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    slow(2).define(&site);
    let up = site.gapless(&["up", "--detach"]).succeeds().says("rollout #2 to r2 begins");
    assert!(up.took < Duration::from_secs(10), "{:?}", up.took);
    site.wait_until("app", "r2 to serve", |app| app.rollout.is_none() && app.release.map(|r| r.0) == Some(2));
    let ticket = json(&site, &["reload", "app", "--detach", "--json"], 0);
    assert_eq!(ticket["apps"][0]["ticket"]["to"], "r3", "{ticket}");
    site.wait_until("app", "r3 to serve", |app| app.rollout.is_none() && app.release.map(|r| r.0) == Some(3));
    nothing_lost(load);
}

#[test]
fn releases_and_history_tell_what_was() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds();
    CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) }.define(&site);
    let _ = site.gapless(&["up"]).exits(3);
    let _ = site.gapless(&["scale", "app", "2"]).succeeds();
    assert_eq!(releases(&site), [(3, false, Mark::Bad), (2, true, Mark::Good), (1, false, Mark::Good)]);
    let shown = site.gapless(&["releases", "app"]).succeeds().says("current").says("good").says("bad");
    assert!(shown.out.lines().any(|l| l.contains("r2") && l.contains("current")), "{}", shown.out);

    let ends: Vec<_> = site
        .history("app")
        .into_iter()
        .filter_map(|Event { what, .. }| match what {
            What::RolloutEnded { outcome, receipt, .. } => {
                Some((receipt.to.0, matches!(outcome, Outcome::Completed), receipt.traffic.failed))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(1, true, 0), (2, true, 0), (3, false, 0)]);
    let told = site.gapless(&["history", "app"]).succeeds().says("reload #2 began: r1 → r2");
    let _ = told.says("scaled from 1 to 2").says("rollout #3 aborted").says("503");
}
