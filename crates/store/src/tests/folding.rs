//! Changes folded in memory and changes recovered from disk are the same.

use super::samples::{Place, app, app_name, instance, note, release, rollout};
use crate::{Change, State};
use gapless_model::{Generation, InstanceId, ReleaseId};
use proptest::prelude::*;
use std::sync::Arc;

fn change() -> impl Strategy<Value = Change> {
    let app_number = 1..4_u32;
    prop_oneof![
        4 => (app_number.clone(), 1..9_u32).prop_map(|(n, i)| Change::PutApp(Box::new(app(n, i)))),
        1 => app_number.clone().prop_map(|n| Change::DeleteApp(app_name(n))),
        3 => (app_number.clone(), 1..5_u32, any::<bool>()).prop_map(|(n, id, marked)| {
            Change::PutRelease { app: app_name(n), release: Arc::new(release(id, marked)) }
        }),
        1 => (app_number.clone(), 1..5_u32)
            .prop_map(|(n, id)| Change::DeleteRelease { app: app_name(n), release: ReleaseId(id) }),
        4 => (1..9_u64, any::<bool>()).prop_map(|(id, ended)| {
            let of = app_name(u32::try_from(id % 3).unwrap() + 1);
            Change::PutRollout(Box::new(rollout(id, of, ended)))
        }),
        4 => (app_number.clone(), 1..5_u32, 0..3_u32)
            .prop_map(|(n, number, restarts)| Change::PutInstance(Box::new(instance(n, number, restarts)))),
        2 => (app_number.clone(), 1..5_u32)
            .prop_map(|(n, number)| Change::DeleteInstance(InstanceId::new(app_name(n), number))),
        1 => (0..3_u32, 0..9_u32)
            .prop_map(|(n, v)| Change::PutSetting { name: n.to_string(), value: v.to_string() }),
        1 => any::<u16>().prop_map(|n| Change::ReserveGeneration(Generation(n.into()))),
        1 => app_number.prop_map(|n| note(Some(n), "something")),
    ]
}

/// Commits as control makes them: a rollout that has ended is never put again.
fn commits() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(change(), 0..8), 0..12).prop_map(|mut commits| {
        let mut ended = Vec::new();
        for commit in &mut commits {
            commit.retain(|change| {
                let Change::PutRollout(record) = change else { return true };
                if ended.contains(&record.rollout.id) {
                    return false;
                }
                if record.rollout.has_ended() {
                    ended.push(record.rollout.id);
                }
                true
            });
        }
        commits
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recovered_is_what_was_folded(commits in commits(), one_by_one in any::<bool>()) {
        let place = Place::new();
        let (journal, _) = place.open();
        let mut expected = State::default();
        for changes in commits {
            for change in &changes {
                expected.apply(change);
            }
            let commit = journal.commit(changes);
            // Otherwise they gather, and go as one transaction.
            if one_by_one {
                commit.wait().unwrap();
            }
        }
        journal.close();
        prop_assert_eq!(place.open().1.state, expected);
    }
}
