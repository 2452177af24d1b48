//! No request is lost when the journal cannot be read: it is kept aside, said loudly, and what runs is adopted.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Site};
use std::fs;

const NOTES: &[u8] = b"not a database, but somebody's notes";

/// Writes over the journal, and over what SQLite could mend it with.
fn damage(site: &Site) {
    for name in ["journal.db", "journal.db-wal"] {
        fs::write(site.home().join(name), NOTES).unwrap();
    }
}

/// Names in the home that the damaged journal was kept under.
fn kept_aside(site: &Site) -> Vec<String> {
    let names = fs::read_dir(site.home()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("journal.db.unreadable-") && !name.ends_with("-wal")).collect()
}

#[test]
fn while_control_is_killed() {
    let site = Site::new();
    let app = CaseApp::new(2);
    app.up(&site);
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    // Nobody must bring control back before the damage is done.
    site.kill_keeper_and_control();
    damage(&site);

    let status = site.status();
    let aside = kept_aside(&site);
    let [name] = &aside[..] else { panic!("{aside:?}") };
    assert_eq!(fs::read(site.home().join(name)).unwrap(), NOTES);
    let [trouble] = &status.gapless.troubles[..] else { panic!("{:?}", status.gapless.troubles) };
    assert!(trouble.contains(name) && trouble.contains("journal"), "{trouble}");
    let _ = site.gapless(&["status"]).succeeds().says("trouble:").says(name);
    let adopted = site.wait_until("app", "what runs to be ready", |app| app.ready == 2);
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    assert_eq!((adopted.wanted, adopted.release.map(|r| r.0)), (2, Some(1)));

    // All is known that is needed to go on.
    let _ = site.gapless(&["up"]).succeeds().says("nothing changed");
    app.env("VERSION", "v2").define(&site);
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r2").says(" 0 lost");
    let report = nothing_lost(load);
    assert!(report.answers_of("v2") > 0);
    assert_eq!(site.app("app").ready, 2);
}

#[test]
fn while_everything_is_down() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["down"]).succeeds();
    damage(&site);
    let _ = site.gapless(&["up"]).succeeds();
    assert_eq!(kept_aside(&site).len(), 1);
    let _ = site.gapless(&["status"]).succeeds().says("trouble:");
    assert_eq!(site.app("app").ready, 1);
    nothing_lost(begin(plan(&site, Clients::Mixed, false)));
}
