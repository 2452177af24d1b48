//! A process id that the journal knows may belong to a stranger by the time somebody reads it: after a while that
//! nobody of us ran, or after the machine was started anew. The stranger, and whoever is in its group, is left alone.

use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_model::instance::Retiring;
use gapless_model::{InstanceState, Moment};
use gapless_testkit::wait::wait_for;
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Somebody else's program, which leads a group of two.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        let line = "sleep 600 & wait";
        let child = Command::new("/bin/sh").args(["-c", line]).process_group(0).spawn().unwrap();
        let stranger = Self(child);
        wait_for("both to be there", PATIENCE, || (stranger.group().len() == 2).then_some(()));
        stranger
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn group(&self) -> Vec<u32> {
        process::group_of(self.pid())
    }

    /// When it was started, as the kernel says it.
    fn started(&self) -> u64 {
        gapless_sys::process::started(self.pid()).unwrap()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = gapless_sys::group::signal(self.pid(), 9);
        let _ = self.0.wait();
    }
}

/// What the journal says that the instance was doing: those by which something would be done to its process at once.
fn states() -> [(InstanceState, Option<Retiring>); 3] {
    let (since, past) = (Moment::from_millis(1), Moment::from_millis(2));
    let retiring = Retiring { since, drain_deadline: past, upgraded_deadline: past };
    [
        (InstanceState::Ready { since }, None),
        (InstanceState::Ready { since }, Some(retiring)),
        (InstanceState::Stopping { since, kill_at: past }, Some(retiring)),
    ]
}

/// Three instances ran, and are no more; the journal, after `edit`, has each in one of the states above, with the
/// process id of the stranger and a start time. Gapless comes back, starts others, is used, and goes down.
fn nobody_is_harmed(started: impl Fn(&Stranger) -> u64, edit: impl FnOnce(&rusqlite::Connection)) {
    let site = Site::new();
    CaseApp::new(3).up(&site);
    let old: Vec<u32> = site.pids("app").into_values().flatten().collect();
    let stranger = Stranger::new();
    site.edit_journal(|journal| {
        // Whoever of the same group is left would be no instance.
        old.iter().for_each(|pid| drop(gapless_sys::group::signal(*pid, 9)));
        wait_for("them to be gone", PATIENCE, || {
            old.iter().all(|pid| process::group_of(*pid).is_empty()).then_some(())
        });
        let mut rows = journal.prepare("SELECT id, record FROM instances ORDER BY id").unwrap();
        let rows: Vec<(String, String)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        for ((id, record), (state, retiring)) in rows.into_iter().zip(states()) {
            let mut record: Value = serde_json::from_str(&record).unwrap();
            assert!(record["process"]["pid"].is_u64() && record["state"].is_object(), "{record}");
            record["process"] = json!({ "pid": stranger.pid(), "started": started(&stranger) });
            record["state"] = serde_json::to_value(state).unwrap();
            record["retiring"] = serde_json::to_value(retiring).unwrap();
            let change = "UPDATE instances SET record = ?2 WHERE id = ?1";
            assert_eq!(journal.execute(change, [&id, &record.to_string()]).unwrap(), 1);
        }
        edit(journal);
    });

    let settled =
        site.wait_until("app", "three that are ready", |app| app.ready == 3 && app.instances.len() == 3);
    assert!(settled.instances.iter().all(|i| i.pid.is_some_and(|pid| pid != stranger.pid())), "{settled:#?}");
    let _ = site.gapless(&["restart", "app"]).succeeds();
    let _ = site.gapless(&["down"]).succeeds();
    assert_eq!(stranger.group().len(), 2, "the stranger and its child live");
}

#[test]
fn after_a_while_that_nobody_of_us_ran() {
    // A start time is what tells them apart: no two processes of a number have the same in one boot.
    nobody_is_harmed(|stranger| stranger.started() - 1, |_| {});
}

#[test]
fn after_the_machine_was_started_anew() {
    let other_boot = |journal: &rusqlite::Connection| {
        let change = "UPDATE settings SET value = 'of another boot' WHERE name = 'boot'";
        assert_eq!(journal.execute(change, []).unwrap(), 1);
    };
    // Even by chance at the same tick after boot.
    nobody_is_harmed(Stranger::started, other_boot);
}
