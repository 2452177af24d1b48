//! A check that cannot fail checks nothing: with one rule broken on purpose, the simulation must notice.

use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Leave, Sabotage};
use gapless_testkit::simulation::{Broken, Scenario, run};

/// Two rollouts of a busy app under a proxy whose workers lag, with a control that dies between them
/// and an upgrade in the second.
fn story(seed: u64, sabotage: Option<Sabotage>) -> Scenario {
    let release = Character { leave: Leave::After(200), ..Character::default() };
    Scenario {
        seed,
        apps: vec![AppShape { wanted: 3, slowest_request: 800, first: release, ..AppShape::default() }],
        workers: 3,
        script: vec![
            (300, Act::Deploy(0, release)),
            (400, Act::LagWorker(1, 1_500)),
            (2_000, Act::KillControl),
            (4_000, Act::Deploy(0, release)),
            (4_400, Act::Upgrade),
            (4_700, Act::KillControl),
        ],
        kills: Vec::new(),
        strikes: Vec::new(),
        away: 200,
        sabotage,
    }
}

/// What is noticed over some seeds; what the engine notices by itself counts as well.
fn noticed(sabotage: Option<Sabotage>, is_it: impl Fn(&Broken) -> bool) -> usize {
    let broken = (0..10).flat_map(|seed| run(&story(seed, sabotage)).violations);
    broken.filter(|violation| is_it(&violation.what)).count()
}

#[test]
fn nothing_is_noticed_where_nothing_is_broken() {
    for seed in 0..10 {
        assert_eq!(run(&story(seed, None)).violations, [], "seed {seed}");
    }
}

#[test]
fn a_stop_that_does_not_wait_for_the_proxy() {
    let found = noticed(Some(Sabotage::StopsOnRetire), |b| {
        matches!(b, Broken::StoppedWhileRouted { .. } | Broken::StoppedAtWork { .. })
    });
    assert!(found > 10, "{found}");
}

#[test]
fn a_proxy_that_acknowledges_before_all_its_workers_have_it() {
    let found =
        noticed(Some(Sabotage::AcknowledgesEarly), |b| matches!(b, Broken::StoppedWhileRouted { .. }));
    assert!(found > 0, "{found}");
}

#[test]
fn an_instance_that_counts_as_ready_when_it_only_runs() {
    let found = noticed(Some(Sabotage::ReadyAtOnce), |b| {
        matches!(b, Broken::RoutedToTheUnready { .. } | Broken::TooFewServe { .. })
    });
    assert!(found > 0, "{found}");
}

#[test]
fn an_app_that_is_started_before_the_one_it_is_after_is_ready() {
    let second = AppShape { after: vec![0], ..AppShape::default() };
    let apps = vec![AppShape::default(), second];
    let begins = |sabotage, seed| Scenario { apps: apps.clone(), ..story(seed, sabotage) };
    let broken = |sabotage| (0..10).flat_map(move |seed| run(&begins(sabotage, seed)).violations);
    let before = |sabotage: Option<Sabotage>| {
        broken(sabotage).filter(|found| matches!(found.what, Broken::StartedBefore { .. })).count()
    };
    assert_eq!(before(None), 0);
    assert!(before(Some(Sabotage::ReadyAtOnce)) > 0);
}

#[test]
fn a_control_that_starts_anew_what_it_should_take_over() {
    let found = noticed(Some(Sabotage::StartsAnew), |b| {
        matches!(b, Broken::StoppedWhileRouted { .. } | Broken::StoppedUnwritten { .. })
    });
    assert!(found > 0, "{found}");
}

#[test]
fn a_journal_that_writes_nothing() {
    let found = noticed(Some(Sabotage::ForgetfulJournal), |b| {
        matches!(b, Broken::StrayEnded { .. } | Broken::Unsettled { .. })
    });
    assert!(found > 0, "{found}");
}

#[test]
fn a_proxy_that_is_overlooked_beside_its_successor() {
    let sent: u64 = (0..10).map(|seed| run(&story(seed, None)).sent_beside).sum();
    assert!(sent > 100, "{sent} requests while there were two");
    let found =
        noticed(Some(Sabotage::OverlooksFormerProxy), |b| matches!(b, Broken::StoppedWhileRouted { .. }));
    assert!(found > 0, "{found}");
}

#[test]
fn an_instance_that_is_never_stopped() {
    let found = noticed(Some(Sabotage::IgnoresStop), |b| matches!(b, Broken::Unsettled { .. }));
    assert!(found > 0, "{found}");
}
