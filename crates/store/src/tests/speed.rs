//! Many commits, and callers that do not wait.

use super::samples::{Place, instance};
use crate::Change;

#[test]
fn thousands_of_commits_that_nobody_waits_for_are_few_transactions() {
    let place = Place::new();
    let (journal, _) = place.open();
    let put = |n: u32| vec![Change::PutInstance(Box::new(instance(1, n % 100, n)))];
    let commits: Vec<_> = (0..4_000).map(|n| journal.commit(put(n))).collect();
    for commit in commits {
        commit.wait().unwrap();
    }
    journal.close();
    let state = place.open().1.state;
    assert_eq!(state.instances.len(), 100);
    assert!(state.instances.values().all(|record| record.restarts >= 3_900));
}

#[test]
fn a_commit_is_awaited_in_a_runtime() {
    let place = Place::new();
    let (journal, _) = place.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for n in 0..1_000 {
            journal.commit(vec![Change::PutInstance(Box::new(instance(1, n, 0)))]).await.unwrap();
        }
        assert!(journal.history(None, 1).await.unwrap().is_empty());
    });
}
