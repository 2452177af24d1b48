//! One rollout, played once for each step of control's: killed just there, the next control ends it as the
//! first would have.

use gapless_model::{Outcome, Strategy};
use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Checks, Fate, Leave};
use gapless_testkit::simulation::{Scenario, run};

fn story(shape: AppShape, release: Character, away: u64) -> Scenario {
    Scenario {
        seed: 7,
        apps: vec![shape],
        workers: 2,
        script: vec![(200, Act::Deploy(0, release))],
        kills: Vec::new(),
        away,
        sabotage: None,
    }
}

/// Kills control after every step of the story in turn. Returns how many those were.
fn at_every_step(shape: &AppShape, release: Character, outcome: impl Fn(&Outcome) -> bool) -> u64 {
    let mut steps = 0;
    for away in [1, 300, 5_000] {
        let whole = story(shape.clone(), release, away);
        let report = run(&whole);
        assert_eq!(report.violations, [], "{whole:?}");
        steps += report.steps;
        for step in 1..=report.steps {
            let killed = Scenario { kills: vec![step], ..whole.clone() };
            let report = run(&killed);
            assert_eq!(report.violations, [], "killed after step {step}: {killed:?}");
            assert_eq!(report.controls, 2, "it was killed and came back, at step {step}");
            // A command that control died of before it was written is lost; it was not answered either.
            let ended = &report.receipts[1..];
            assert!(ended.len() <= 1, "{ended:?}");
            assert!(ended.iter().all(|r| outcome(&r.outcome)), "killed after step {step}: {ended:?}");
        }
    }
    steps
}

#[test]
fn of_a_good_release() {
    let release = Character { boot: 300, leave: Leave::After(150), ..Character::default() };
    let steps = at_every_step(&AppShape::default(), release, |o| *o == Outcome::Completed);
    assert!(steps > 100, "{steps}");
}

#[test]
fn of_a_good_release_of_one_instance() {
    let shape = AppShape { wanted: 1, ..AppShape::default() };
    at_every_step(&shape, Character::default(), |o| *o == Outcome::Completed);
}

#[test]
fn of_a_release_that_never_gets_ready() {
    let release = Character { fate: Fate::NeverReady, leave: Leave::Ignores, ..Character::default() };
    at_every_step(&AppShape::default(), release, |o| matches!(o, Outcome::Aborted { .. }));
}

#[test]
fn of_a_release_that_crashes_while_it_is_watched() {
    let shape = AppShape { bake: 2_000, ..AppShape::default() };
    let release = Character { fate: Fate::CrashesAfter(900), ..Character::default() };
    at_every_step(&shape, release, |o| matches!(o, Outcome::Aborted { .. }));
}

fn flips() -> AppShape {
    AppShape { strategy: Strategy::BlueGreen, verified: true, bake: 600, ..AppShape::default() }
}

#[test]
fn of_a_release_that_is_checked_and_flipped_to() {
    let release = Character { boot: 300, checks: Checks::Pass(400), ..Character::default() };
    at_every_step(&flips(), release, |o| *o == Outcome::Completed);
}

#[test]
fn of_a_release_that_does_not_pass_its_checks() {
    let release = Character { checks: Checks::Fail(200), ..Character::default() };
    at_every_step(&flips(), release, |o| matches!(o, Outcome::Aborted { .. }));
}

#[test]
fn of_a_release_whose_checks_hang() {
    let release = Character { checks: Checks::Hang, ..Character::default() };
    at_every_step(&flips(), release, |o| matches!(o, Outcome::Aborted { .. }));
}

#[test]
fn of_a_release_that_is_flipped_to_and_crashes() {
    let shape = AppShape { bake: 2_000, verified: false, ..flips() };
    let release = Character { fate: Fate::CrashesAfter(900), ..Character::default() };
    at_every_step(&shape, release, |o| matches!(o, Outcome::Aborted { .. }));
}

fn alone() -> AppShape {
    AppShape { strategy: Strategy::Recreate, bake: 300, ..AppShape::default() }
}

#[test]
fn of_a_release_that_cannot_run_beside_another() {
    let release = Character { boot: 300, leave: Leave::After(150), ..Character::default() };
    at_every_step(&alone(), release, |o| *o == Outcome::Completed);
}

#[test]
fn of_a_bad_release_that_cannot_run_beside_another() {
    let release = Character { fate: Fate::CrashesAtBoot, ..Character::default() };
    at_every_step(&alone(), release, |o| matches!(o, Outcome::Aborted { .. }));
}

#[test]
fn of_a_worker_without_routes() {
    let shape = AppShape { routed: false, max_unavailable: 1, ..AppShape::default() };
    let release = Character { leave: Leave::After(900), ..Character::default() };
    at_every_step(&shape, release, |o| *o == Outcome::Completed);
}
