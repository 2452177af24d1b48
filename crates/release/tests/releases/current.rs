//! The link to the current release.

use crate::fixture::Fixture;
use gapless_model::ReleaseId;
use gapless_release::Error;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn the_current_release_is_a_link_that_can_be_followed() {
    let fixture = Fixture::new();
    assert_eq!(fixture.releases.current(&fixture.app).unwrap(), None);
    fixture.in_place(1);
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    assert_eq!(fixture.releases.current(&fixture.app).unwrap(), Some(ReleaseId(1)));
    assert_eq!(fixture.place().join("current").read_link_utf8().unwrap(), "releases/r1");
    assert!(fixture.place().join("current/manifest.json").is_file());
}

#[test]
fn a_release_that_is_not_there_is_not_activated() {
    let fixture = Fixture::new();
    fixture.in_place(1);
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    let error = fixture.releases.activate(&fixture.app, ReleaseId(2)).unwrap_err();
    assert!(matches!(error, Error::Missing { id: ReleaseId(2), .. }), "{error}");
    assert_eq!(fixture.releases.current(&fixture.app).unwrap(), Some(ReleaseId(1)));
}

#[test]
fn nobody_ever_finds_the_link_missing() {
    let fixture = Fixture::new();
    fixture.in_place(1);
    fixture.in_place(2);
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    let done = AtomicBool::new(false);
    let link = fixture.place().join("current/manifest.json");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0_u64;
            // At least once, also where the writer is done before this thread has begun.
            while looks == 0 || !done.load(Ordering::Relaxed) {
                std::fs::metadata(&link).unwrap();
                looks += 1;
            }
            looks
        });
        for round in 0..100 {
            fixture.releases.activate(&fixture.app, ReleaseId(1 + round % 2)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}
