//! A disk that is full, or not to be written to, for a while.

use super::samples::{Place, app, app_name, instance, note};
use crate::inbox::Ask;
use crate::{Change, CommitError, Journal};
use std::process::Command;
use std::time::{Duration, Instant};

/// As if the disk had become so large, from the next commit on.
fn limit(journal: &Journal, pages: u32) {
    journal.inbox.ask(Ask::LimitPages(pages));
    journal.history(None, 0).wait().unwrap();
}

fn fill(journal: &Journal) -> CommitError {
    for round in 0..1_000 {
        let big = note(None, &format!("{round} {}", "x".repeat(20_000)));
        if let Err(error) = journal.commit(vec![big]).wait() {
            return error;
        }
    }
    panic!("the disk is never full");
}

fn wait_until_written(journal: &Journal) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while journal.trouble().is_some() {
        assert!(Instant::now() < deadline, "{:?}", journal.trouble());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn changes_of_a_full_disk_are_written_once_there_is_room() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal.commit(vec![Change::PutInstance(Box::new(instance(1, 1, 0)))]).wait().unwrap();
    limit(&journal, 30);
    let error = fill(&journal);
    assert!(error.to_string().contains("full"), "{error}");
    assert!(journal.trouble().unwrap().contains("full"));

    journal.commit(vec![Change::PutApp(Box::new(app(1, 2)))]).wait().unwrap_err();
    journal.commit(vec![Change::PutApp(Box::new(app(1, 4)))]).wait().unwrap_err();
    journal.commit(vec![Change::DeleteInstance(instance(1, 1, 0).id)]).wait().unwrap_err();
    // Reading goes on meanwhile.
    assert!(!journal.history(None, 1).wait().unwrap().is_empty());

    limit(&journal, 1_000_000);
    journal.commit(vec![Change::PutApp(Box::new(app(2, 6)))]).wait().unwrap();
    assert_eq!(journal.trouble(), None);
    journal.close();
    let state = place.open().1.state;
    assert_eq!(state.apps[&app_name(1)], app(1, 4));
    assert_eq!(state.apps[&app_name(2)], app(2, 6));
    assert!(state.instances.is_empty());
}

#[test]
fn changes_of_a_read_only_disk_are_written_once_it_is_writable() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal.commit(vec![Change::PutApp(Box::new(app(1, 2)))]).wait().unwrap();
    journal.inbox.ask(Ask::ReadOnly(true));
    journal.history(None, 0).wait().unwrap();
    let error = journal.commit(vec![Change::PutApp(Box::new(app(1, 4)))]).wait().unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
    assert!(journal.trouble().unwrap().contains("readonly"));
    journal.inbox.ask(Ask::ReadOnly(false));
    wait_until_written(&journal);
    journal.close();
    assert_eq!(place.open().1.state.apps[&app_name(1)], app(1, 4));
}

#[test]
fn trouble_ends_by_itself() {
    let place = Place::new();
    let (journal, _) = place.open();
    limit(&journal, 30);
    fill(&journal);
    limit(&journal, 1_000_000);
    wait_until_written(&journal);
}

/// A file system of its own, of one MiB. Unmounted when it goes.
struct SmallDisk(Place);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let place = Place::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(place.directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(place))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.directory.path()).status();
    }
}

#[test]
fn a_file_system_that_is_really_full() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: only root may mount a small file system");
        return;
    };
    let place = &disk.0;
    let (journal, _) = place.open();
    journal.commit(vec![Change::PutApp(Box::new(app(1, 2)))]).wait().unwrap();
    let ballast = place.directory.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![1; 2 << 20]);
    fill(&journal);
    journal.commit(vec![Change::PutApp(Box::new(app(1, 4)))]).wait().unwrap_err();

    // A control that starts anew on the full disk still knows what was written.
    journal.close();
    let (journal, recovered) = place.open();
    assert_eq!(recovered.set_aside, None);
    assert_eq!(recovered.state.apps[&app_name(1)], app(1, 2));
    drop(journal.commit(vec![Change::PutApp(Box::new(app(1, 6)))]));

    std::fs::remove_file(&ballast).unwrap();
    journal.commit(vec![]).wait().unwrap();
    journal.close();
    assert_eq!(place.open().1.state.apps[&app_name(1)], app(1, 6));
}
