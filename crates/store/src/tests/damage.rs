//! Databases that cannot be read.

use super::samples::{Place, app, note};
use crate::{Change, Journal, OpenError, State};
use rusqlite::Connection;

/// A journal with one app, closed.
fn filled() -> Place {
    let place = Place::new();
    let (journal, _) = place.open();
    let mut changes = vec![Change::PutApp(Box::new(app(1, 2)))];
    changes.extend((0..100).map(|n| note(None, &format!("{n} {}", "x".repeat(200)))));
    journal.commit(changes).wait().unwrap();
    journal.close();
    place
}

/// Opens it, expects it to be set aside, and to serve from then on; gives the reason.
fn expect_set_aside(place: &Place) -> String {
    let before = std::fs::read(&place.path).unwrap();
    let (journal, recovered) = place.open();
    assert_eq!(recovered.state, State::default());
    let aside = recovered.set_aside.expect("it cannot be read");
    assert!(std::fs::read(&aside.path).unwrap() == before, "not kept as it was");
    let prefix = format!("{}.unreadable-", place.path);
    assert!(aside.path.as_str().starts_with(&prefix), "{}", aside.path);
    journal.commit(vec![Change::PutApp(Box::new(app(3, 4)))]).wait().unwrap();
    journal.close();
    let (_, recovered) = place.open();
    assert!(recovered.set_aside.is_none());
    assert_eq!(recovered.state.apps.len(), 1);
    aside.reason
}

#[test]
fn what_is_no_database_is_set_aside() {
    let place = Place::new();
    std::fs::write(&place.path, "not a database, but long enough to be looked at as one. ".repeat(50))
        .unwrap();
    let reason = expect_set_aside(&place);
    assert!(reason.contains("not a database"), "{reason}");
}

#[test]
fn a_damaged_page_is_found() {
    let place = filled();
    let mut bytes = std::fs::read(&place.path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    std::fs::write(&place.path, bytes).unwrap();
    expect_set_aside(&place);
}

#[test]
fn a_cut_file_is_found() {
    let place = filled();
    let bytes = std::fs::read(&place.path).unwrap();
    std::fs::write(&place.path, &bytes[..bytes.len() / 2]).unwrap();
    expect_set_aside(&place);
}

#[test]
fn a_row_that_does_not_read_is_found() {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    connection.execute("UPDATE apps SET spec = '{\"name\": 1}'", []).unwrap();
    drop(connection);
    let reason = expect_set_aside(&place);
    assert!(reason.contains("name") || reason.contains("string"), "{reason}");
}

#[test]
fn another_program_s_database_is_set_aside() {
    let place = Place::new();
    let connection = Connection::open(&place.path).unwrap();
    connection.execute_batch("CREATE TABLE apps (what TEXT); INSERT INTO apps VALUES ('else');").unwrap();
    drop(connection);
    let reason = expect_set_aside(&place);
    assert!(reason.contains("another program"), "{reason}");
}

#[test]
fn the_log_of_an_unreadable_database_is_kept_with_it() {
    let place = Place::new();
    std::fs::write(&place.path, "nonsense ".repeat(1000)).unwrap();
    std::fs::write(format!("{}-wal", place.path), "more nonsense").unwrap();
    let (journal, recovered) = place.open();
    let aside = recovered.set_aside.unwrap();
    assert_eq!(std::fs::read_to_string(format!("{}-wal", aside.path)).unwrap(), "more nonsense");
    drop(journal);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    connection.pragma_update(None, "user_version", 77).unwrap();
    drop(connection);
    let before = std::fs::read(&place.path).unwrap();
    let error = Journal::open(&place.path).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 77, .. }), "{error}");
    assert!(error.to_string().contains("newer Gapless"), "{error}");
    assert!(std::fs::read(&place.path).unwrap() == before, "it was changed");
    assert!(!place.names().iter().any(|name| name.contains("unreadable")), "{:?}", place.names());
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let place = Place::new();
    let error = Journal::open(&place.path.join("no/such/journal.db")).unwrap_err();
    assert!(matches!(error, OpenError::System { what: "open", .. }), "{error}");
}
