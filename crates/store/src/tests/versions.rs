//! Journals that other versions of Gapless wrote. Each fixture is one that a released schema's writer left behind while
//! a rollout was in progress (`.dump` of it); a fixture is never edited.

use super::samples::Place;
use crate::schema::NEWEST;
use crate::{Journal, OpenError, State};
use rusqlite::Connection;

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
