//! What was committed is there again.

use super::samples::{Place, app, app_name, instance, note, release, rollout};
use crate::{Change, OpenError, State};
use gapless_model::event::What;
use gapless_model::{Generation, RolloutId};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

#[test]
fn a_new_journal_knows_nothing_and_is_for_its_owner_only() {
    let place = Place::new();
    let (journal, recovered) = place.open();
    assert_eq!(recovered.state, State::default());
    assert_eq!(recovered.state.next_rollout, RolloutId(1));
    assert!(recovered.set_aside.is_none());
    journal.commit(vec![note(None, "hello")]).wait().unwrap();
    for name in place.names() {
        let mode = std::fs::metadata(place.directory.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn everything_comes_back() {
    let place = Place::new();
    let (journal, _) = place.open();
    let changes = vec![
        Change::PutApp(Box::new(app(1, 2))),
        Change::PutApp(Box::new(app(2, 3))),
        Change::PutRelease { app: app_name(1), release: Arc::new(release(1, true)) },
        Change::PutRelease { app: app_name(1), release: Arc::new(release(2, false)) },
        Change::PutRelease { app: app_name(2), release: Arc::new(release(1, false)) },
        Change::PutRollout(Box::new(rollout(7, app_name(1), true))),
        Change::PutRollout(Box::new(rollout(8, app_name(1), false))),
        Change::PutInstance(Box::new(instance(1, 1, 0))),
        Change::PutInstance(Box::new(instance(1, 2, 2))),
        Change::PutSetting { name: "proxy".into(), value: "{}".into() },
        Change::ReserveGeneration(Generation(4096)),
        note(Some(1), "one"),
        note(None, "two"),
    ];
    let mut expected = State::default();
    for change in &changes {
        expected.apply(change);
    }
    journal.commit(changes).wait().unwrap();
    journal.close();

    let (journal, recovered) = place.open();
    assert_eq!(recovered.state, expected);
    assert_eq!(recovered.state.next_rollout, RolloutId(9));
    let events = journal.history(None, 10).wait().unwrap();
    let said: Vec<_> = events.iter().map(|e| (e.seq, e.app.clone(), e.what.clone())).collect();
    let trouble = |message: &str| What::Trouble { message: message.into() };
    assert_eq!(said, [(2, None, trouble("two")), (1, Some(app_name(1)), trouble("one"))]);
    assert_eq!(journal.history(Some(app_name(1)), 10).wait().unwrap().len(), 1);
    assert_eq!(journal.history(Some(app_name(2)), 10).wait().unwrap().len(), 0);
    assert_eq!(journal.receipts(None, 10).wait().unwrap(), [rollout(7, app_name(1), true).receipt.unwrap()]);
}

#[test]
fn numbers_of_rollouts_outlive_their_app() {
    let place = Place::new();
    let (journal, _) = place.open();
    let changes =
        vec![Change::PutRollout(Box::new(rollout(5, app_name(1), false))), Change::DeleteApp(app_name(1))];
    journal.commit(changes).wait().unwrap();
    journal.close();
    assert_eq!(place.open().1.state.next_rollout, RolloutId(6));
}

#[test]
fn the_history_is_bounded_and_its_numbers_go_on() {
    let place = Place::new();
    let (journal, _) = place.open();
    for round in 0..6 {
        journal.commit((0..2_000).map(|n| note(None, &format!("{round} {n}"))).collect()).wait().unwrap();
    }
    journal.close();
    let (journal, _) = place.open();
    journal.commit(vec![note(None, "last")]).wait().unwrap();
    let events = journal.history(None, usize::MAX).wait().unwrap();
    assert_eq!((events.len(), events[0].seq), (10_000, 12_001));
}

#[test]
fn receipts_are_bounded_per_app() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal.commit(vec![Change::PutRollout(Box::new(rollout(1, app_name(2), true)))]).wait().unwrap();
    for id in 2..200 {
        journal.commit(vec![Change::PutRollout(Box::new(rollout(id, app_name(1), true)))]).wait().unwrap();
    }
    assert_eq!(journal.receipts(Some(app_name(1)), 1_000).wait().unwrap().len(), 100);
    assert_eq!(journal.receipts(None, 1_000).wait().unwrap().len(), 101);
    assert_eq!(journal.receipts(Some(app_name(1)), 1).wait().unwrap()[0].rollout, RolloutId(199));
    journal.close();
    let ids: Vec<_> = place.open().1.state.rollouts.into_keys().collect();
    assert_eq!(ids, [RolloutId(1), RolloutId(199)]);
}

#[test]
fn a_dropped_journal_writes_what_was_committed_and_lets_go() {
    let place = Place::new();
    let (journal, _) = place.open();
    drop(journal.commit(vec![Change::PutApp(Box::new(app(1, 2)))]));
    drop(journal);
    assert_eq!(place.open().1.state.apps.len(), 1);
}

#[test]
fn a_journal_in_use_is_refused() {
    let place = Place::new();
    let (_journal, _) = place.open();
    let error = crate::Journal::open(&place.path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}
