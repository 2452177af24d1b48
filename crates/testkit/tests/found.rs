//! Faults that the simulation has found, each as the smallest story that shows it. All are mended.

use gapless_model::{Outcome, Strategy};
use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Checks, Fate, Leave, Policy};
use gapless_testkit::simulation::{Report, Scenario, run};

const GOOD: Character =
    Character { boot: 100, fate: Fate::Good, leave: Leave::After(20), checks: Checks::Pass(50) };

fn release(fate: Fate) -> Character {
    Character { fate, ..GOOD }
}

fn one() -> AppShape {
    AppShape { wanted: 1, bake: 0, drain: 200, slowest_request: 1, ..AppShape::default() }
}

/// Plays it under some seeds; in none a promise is broken.
fn holds(apps: Vec<AppShape>, script: Vec<(u64, Act)>, kills: Vec<u64>, away: u64) -> Vec<Report> {
    let story =
        Scenario { seed: 0, apps, workers: 1, script, kills, strikes: Vec::new(), away, sabotage: None };
    let played = (0..20).map(|seed| {
        let report = run(&Scenario { seed, ..story.clone() });
        assert_eq!(report.violations, [], "seed {seed} of {story:?}");
        report
    });
    played.collect()
}

/// An answer to an older snapshot says nothing of an instance that a newer one, on its way, lets serve: it was
/// taken for cut off, and stopped while a worker began to send it requests.
#[test]
fn an_instance_is_cut_off_only_when_no_snapshot_that_names_it_can_arrive() {
    for abort in (850..1_050).step_by(10) {
        let script = vec![(0, Act::LagWorker(0, 939)), (707, Act::Deploy(0, GOOD)), (abort, Act::Abort(0))];
        holds(vec![one()], script, Vec::new(), 1);
    }
}

/// A new control counted snapshots on from what the proxy had applied, not from what was on its way to it.
#[test]
fn a_generation_is_used_once_though_its_control_died() {
    let script =
        vec![(987, Act::LagWorker(0, 1_606)), (2_590, Act::Deploy(0, GOOD)), (2_600, Act::KillControl)];
    holds(vec![one()], script, Vec::new(), 1);
}

/// The deadline of a start went on while nobody was there to see whether it was met.
#[test]
fn the_time_that_nobody_looked_is_not_held_against_a_start() {
    for report in
        holds(vec![one()], vec![(0, Act::Deploy(0, GOOD)), (20, Act::KillControl)], Vec::new(), 4_000)
    {
        assert!(report.receipts.iter().all(|r| r.outcome == Outcome::Completed), "{:?}", report.receipts);
    }
}

/// An instance that was being stopped to be started again stayed gone when control died meanwhile.
#[test]
fn a_wedged_instance_comes_back_though_control_dies_while_it_is_restarted() {
    for kill in (20..1_200).step_by(60) {
        let script = vec![(10, Act::Wedge(0)), (kill, Act::KillControl)];
        holds(vec![AppShape { wanted: 2, ..one() }], script, Vec::new(), 300);
    }
}

/// An instance that was gone by its policy, and then retired, was never forgotten: the rollout did not end.
#[test]
fn what_was_gone_before_it_was_retired_is_forgotten() {
    let app = AppShape { restart: Policy::Never, ..one() };
    holds(vec![app], vec![(0, Act::Crash(0)), (500, Act::Deploy(0, GOOD))], Vec::new(), 1);
}

/// A release whose processes end with code 0 was waited for for ever where that is no reason to restart.
#[test]
fn a_release_that_means_to_end_is_no_release_to_roll_out() {
    let app = AppShape { restart: Policy::OnFailure, bake: 1_000, ..one() };
    let script = vec![(0, Act::Deploy(0, release(Fate::FinishesAfter(0))))];
    for report in holds(vec![app], script, Vec::new(), 1) {
        assert!(matches!(report.receipts[1].outcome, Outcome::Aborted { .. }), "{:?}", report.receipts[1]);
    }
}

/// A rollout that was taken back to a release which had begun to fail was never over, and held up the next.
#[test]
fn a_return_to_a_release_that_fails_as_well_ends() {
    let app = AppShape { wanted: 3, max_surge: 2, ..one() };
    let script = vec![
        (0, Act::Deploy(0, release(Fate::WedgesAfter(509)))),
        (3_000, Act::Deploy(0, release(Fate::Flaps(11, 64)))),
        (3_100, Act::Deploy(0, GOOD)),
    ];
    holds(vec![app], script, Vec::new(), 1);
}

/// What is journaled beside a decision on its way was of before that decision: the next instance's number went
/// back, and after a restart two instances had the same.
#[test]
fn nothing_is_written_over_a_decision_on_its_way() {
    let app = AppShape { wanted: 4, max_surge: 2, ..one() };
    let script = vec![
        (0, Act::Deploy(0, release(Fate::CannotSpawn))),
        (10, Act::Deploy(0, GOOD)),
        (500, Act::Deploy(0, GOOD)),
        (900, Act::Scale(0, 3)),
    ];
    for step in 1..120 {
        let story = Scenario {
            seed: step,
            apps: vec![app.clone()],
            workers: 2,
            script: script.clone(),
            kills: vec![step],
            strikes: Vec::new(),
            away: 80,
            sabotage: None,
        };
        assert_eq!(run(&story).violations, [], "{story:?}");
    }
}

/// A rollback that waited for a rollout which was taken back to the same release rolled out what was there, and
/// held old failures of its instances against it.
#[test]
fn a_rollback_to_where_the_app_is_by_then_does_nothing() {
    let script =
        vec![(0, Act::Crash(0)), (500, Act::Deploy(0, release(Fate::NeverReady))), (600, Act::Rollback(0))];
    for report in holds(vec![AppShape { wanted: 2, ..one() }], script, Vec::new(), 1) {
        assert_eq!(report.receipts.len(), 2, "{:?}", report.receipts);
    }
}

/// While the journal answered late, control's timer went off again and again.
#[test]
fn a_slow_disk_does_not_make_control_spin() {
    let script = vec![(0, Act::SlowDisk(3_000)), (10, Act::Deploy(0, release(Fate::NeverReady)))];
    holds(vec![one()], script, Vec::new(), 1);
}

/// An instance that was started while the disk was full was adopted under its number, and that was not written:
/// the control after that gave the number to another.
#[test]
fn the_number_of_a_stray_is_not_given_again() {
    let script = vec![
        (0, Act::FullDisk(500)),
        (10, Act::Deploy(0, Character { boot: 300, ..GOOD })),
        (200, Act::KillControl),
        (700, Act::KillControl),
        (900, Act::Scale(0, 4)),
    ];
    holds(vec![AppShape { wanted: 2, ..one() }], script, Vec::new(), 100);
}

/// Control died when it had told a wedged instance to begin again: the next took the one that was leaving for what
/// the journal last said of it, and sent it requests.
#[test]
fn nothing_is_sent_to_an_instance_that_was_told_to_begin_again() {
    let at_once = Character { boot: 0, leave: Leave::After(0), ..GOOD };
    for (seed, step) in (0..6).flat_map(|seed| (6..14).map(move |step| (seed, step))) {
        let story = Scenario {
            seed,
            apps: vec![one(), AppShape { wanted: 2, ..one() }],
            workers: 1,
            script: vec![(1_416, Act::Wedge(0)), (1_984, Act::Deploy(0, at_once))],
            kills: vec![step],
            strikes: Vec::new(),
            away: 241,
            sabotage: None,
        };
        assert_eq!(run(&story).violations, [], "{story:?}");
    }
}

fn flips(wanted: u32) -> AppShape {
    AppShape { wanted, strategy: Strategy::BlueGreen, ..one() }
}

/// Instances of an earlier release that had stood in for the old one were never sent away when the newest was given
/// up: the rollout waited for nothing.
#[test]
fn what_stood_in_for_the_old_release_goes_when_a_newer_one_is_given_up() {
    let unfit = Character { checks: Checks::Fail(191), ..GOOD };
    let script = vec![
        (500, Act::Deploy(0, unfit)),
        (295, Act::Deploy(0, unfit)),
        (0, Act::Crash(0)),
        (234, Act::Wedge(1)),
    ];
    let shape = AppShape { verified: true, drain: 444, ..flips(3) };
    for kill in 0..40 {
        holds(vec![shape.clone()], script.clone(), vec![kill], 2_233);
    }
}
