//! Marks and removal.

use crate::fixture::{Fixture, order};
use gapless_model::ReleaseId;
use gapless_model::release::Mark;
use gapless_release::Order;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

#[test]
fn releases_are_ordered_by_number_not_by_letter() {
    let fixture = Fixture::new();
    for id in [10, 9, 2] {
        fixture.in_place(id);
    }
    assert_eq!(fixture.ids(), [2, 9, 10]);
}

#[test]
fn one_release_is_removed_unless_it_is_current() {
    let fixture = Fixture::new();
    fixture.in_place(1);
    fixture.in_place(2);
    fixture.releases.activate(&fixture.app, ReleaseId(2)).unwrap();
    fixture.releases.remove(&fixture.app, ReleaseId(1)).unwrap();
    fixture.releases.remove(&fixture.app, ReleaseId(1)).unwrap();
    let error = fixture.releases.remove(&fixture.app, ReleaseId(2)).unwrap_err();
    let place = fixture.place().join("releases/r2");
    assert_eq!(error.to_string(), format!("r2 is the current release of api, and stays at {place}"));
    assert_eq!(fixture.ids(), [2]);
}

#[test]
fn directories_that_may_not_be_written_to_are_removed_too() {
    let fixture = Fixture::new();
    fixture.write("locked/file", "x");
    let locked = fixture.source().join("locked");
    std::fs::set_permissions(&locked, Permissions::from_mode(0o555)).unwrap();
    fixture.copy(1).unwrap();
    fixture.releases.remove(&fixture.app, ReleaseId(1)).unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fixture.names(), Vec::<String>::new());
}

#[test]
fn marks_are_kept() {
    let fixture = Fixture::new();
    let made = fixture.in_place(1);
    assert_eq!(made.mark, Mark::Untried);
    fixture.releases.mark(&fixture.app, ReleaseId(1), Mark::Good).unwrap();
    let read = fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap();
    assert_eq!(read, gapless_model::Release { mark: Mark::Good, ..made });
}

#[test]
fn a_reload_says_in_its_manifest_what_it_is_once_more() {
    let fixture = Fixture::new();
    let first = fixture.in_place(1);
    let again = order(&fixture.app, 2, fixture.spec(&fixture.source()), None);
    let again = Order { reload_of: Some(first.original()), ..again };
    let made = fixture.releases.make(vec![again]).unwrap();
    assert_eq!(made[0].original(), ReleaseId(1));
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(2)).unwrap(), made[0]);
}

#[test]
fn what_a_crash_left_is_swept() {
    let fixture = Fixture::new();
    fixture.in_place(1);
    let apps = fixture.root().join("home/apps");
    for left in ["api/releases/.r2.partial/code", "api/releases/.r0.removed", ".web.removed/releases"] {
        std::fs::create_dir_all(apps.join(left)).unwrap();
    }
    std::os::unix::fs::symlink("releases/r9", apps.join("api/.current.partial")).unwrap();
    fixture.releases.sweep().unwrap();
    let mut left: Vec<String> =
        apps.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
    left.sort();
    assert_eq!(left, ["api"]);
    assert_eq!(fixture.names(), ["r1"]);
    assert!(apps.join("api/.current.partial").symlink_metadata().is_err());
}

#[test]
fn an_app_goes_with_all_its_releases() {
    let fixture = Fixture::new();
    fixture.copy(1).unwrap();
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    fixture.releases.remove_app(&fixture.app).unwrap();
    fixture.releases.remove_app(&fixture.app).unwrap();
    assert!(!fixture.place().exists());
    assert!(fixture.ids().is_empty());
    assert_eq!(std::fs::read_dir(fixture.root().join("home/apps")).unwrap().count(), 0);
    fixture.releases.sweep().unwrap();
}
