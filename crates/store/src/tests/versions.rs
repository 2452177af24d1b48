//! Journals that other versions of Gapless wrote. Each fixture is one that a released schema's writer left behind while
//! a rollout was in progress (`.dump` of it); a fixture is never edited.

use super::samples::{Place, app};
use crate::schema::NEWEST;
use crate::{Change, Journal, OpenError, State, read_copy};
use camino::Utf8PathBuf;
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;

const V1: &str = include_str!("../../fixtures/v1.sql");
const V2: &str = include_str!("../../fixtures/v2.sql");
const V3: &str = include_str!("../../fixtures/v3.sql");
const FORMER: [&str; NEWEST as usize] = [V1, V2, V3];

/// Where a version has left its journal, with what is done to it afterwards.
fn left_behind(dump: &str, version: u32, then: &str) -> Place {
    let place = Place::new();
    let connection = Connection::open(&place.path).unwrap();
    connection.execute_batch(dump).unwrap();
    connection.execute_batch(then).unwrap();
    connection.pragma_update(None, "user_version", version).unwrap();
    place
}

/// What is read out of it; it must be read, and not set aside.
fn state(place: &Place) -> State {
    let (journal, recovered) = place.open();
    assert!(recovered.set_aside.is_none(), "{:?}", recovered.set_aside);
    let events = journal.history(None, 1000).wait().unwrap();
    assert!(events.len() > 20, "{events:#?}");
    assert_eq!(journal.receipts(None, 10).wait().unwrap().len(), 3);
    recovered.state
}

#[test]
fn what_each_of_them_wrote_is_understood() {
    for (dump, version) in FORMER.into_iter().zip(1..) {
        let place = left_behind(dump, version, "");
        let found = state(&place);
        let names: Vec<_> = found.apps.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["api", "worker"], "schema {version}");
        assert_eq!(found.releases.len(), 4, "schema {version}");
        assert_eq!(found.rollouts.values().filter(|r| r.receipt.is_none()).count(), 1, "schema {version}");
        assert!(found.instances.values().any(|i| i.process.is_some()), "schema {version}");
        assert_eq!(found.next_rollout.0, 5, "schema {version}");
        // And what is written from here on is, as ever, of the newest.
        assert_eq!(state(&place), found, "schema {version}");
    }
}

/// A version with the same schema may write more into its records: one that is taken back to reads past it.
#[test]
fn what_a_later_one_adds_to_records_is_read_past() {
    let more = [("apps", "spec"), ("releases", "release"), ("rollouts", "rollout"), ("instances", "record")];
    let more = more.map(|(table, column)| {
        format!("UPDATE {table} SET {column} = json_set({column}, '$.tomorrow', json('{{\"more\": [1]}}'));")
    });
    let then = format!(
        "{} ALTER TABLE apps ADD COLUMN tomorrow TEXT; CREATE TABLE tomorrow (x TEXT);",
        more.concat()
    );
    let plain = state(&left_behind(V3, NEWEST, ""));
    assert_eq!(state(&left_behind(V3, NEWEST, &then)), plain);
}

/// What another version reads, to say whether it can take over, is a copy; the journal stays as it is, and open.
#[test]
fn a_copy_is_read_as_the_journal_would_be() {
    let place = left_behind(V1, 1, "");
    let (journal, recovered) = place.open();
    journal.commit(vec![Change::PutApp(Box::new(app(7, 2)))]).wait().unwrap();
    let copy = Utf8PathBuf::from(format!("{}.copy", place.path));
    std::fs::write(&copy, "of a former time").unwrap();
    runtime().block_on(journal.copy(&copy)).unwrap();
    let state = read_copy(&copy).unwrap();
    assert_eq!(state.apps.len(), recovered.state.apps.len() + 1);
    assert_eq!(state.instances, recovered.state.instances);
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    journal.commit(vec![Change::PutApp(Box::new(app(8, 2)))]).wait().unwrap();
    let lost = runtime().block_on(journal.copy(&place.path.join("no/such"))).unwrap_err();
    assert!(lost.to_string().contains("no/such"), "{lost}");
}

/// One of a former schema is brought up to date in the copy.
#[test]
fn a_copy_that_cannot_be_read_is_refused_and_left_there() {
    let place = left_behind(V1, 1, "");
    assert_eq!(read_copy(&place.path).unwrap().apps.len(), 2);
    let place = left_behind(V2, NEWEST, "UPDATE apps SET spec = '{}';");
    let why = read_copy(&place.path).unwrap_err();
    assert!(matches!(why, OpenError::System { what: "read", .. }), "{why}");
    assert!(place.names().iter().all(|name| !name.contains("unreadable")), "{:?}", place.names());
    let place = left_behind(V2, NEWEST + 1, "");
    assert!(matches!(read_copy(&place.path), Err(OpenError::Newer { .. })));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_later_schema_is_refused_and_left_as_it_is() {
    let place = left_behind(V3, NEWEST + 1, "");
    let refused = Journal::open(&place.path).unwrap_err();
    let OpenError::Newer { found, known, .. } = &refused else { panic!("{refused}") };
    assert_eq!((*found, *known), (NEWEST + 1, NEWEST));
    assert_eq!(
        Connection::open(&place.path).unwrap().query_row("SELECT count(*) FROM apps", [], |row| row.get(0)),
        Ok(2)
    );
}
