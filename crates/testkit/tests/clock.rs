//! The wall clock is set forward or back by an hour at any moment of a rollout: nothing that is decided hangs on it, so
//! that no deadline comes early, and none never.

use gapless_model::Strategy;
use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Checks, Fate};
use gapless_testkit::simulation::{Report, Scenario, run};

const HOUR: i64 = 3_600_000;

fn story(strategy: Strategy, release: Character, extra: &[(u64, Act)]) -> Scenario {
    let shape = AppShape { strategy, verified: true, bake: 400, ..AppShape::default() };
    let script = [&[(200, Act::Deploy(0, release)), (900, Act::KillControl)], extra].concat();
    Scenario {
        seed: 11,
        apps: vec![shape],
        workers: 2,
        script,
        kills: Vec::new(),
        strikes: Vec::new(),
        away: 150,
        sabotage: None,
    }
}

/// All that counts of a story, to the millisecond.
fn outline(report: &Report) -> (u64, u64, u64, Vec<String>) {
    let said = report.receipts.iter().map(|r| format!("{:?} {:?}", r.outcome, r.phases)).collect();
    (report.took, report.steps, report.served, said)
}

#[test]
fn a_rollout_goes_on_as_if_nothing_had_been_set() {
    let good = Character { boot: 300, ..Character::default() };
    let slow = Character { fate: Fate::NeverReady, ..good };
    let unchecked = Character { checks: Checks::Hang, ..good };
    for strategy in [Strategy::Rolling, Strategy::BlueGreen, Strategy::Recreate] {
        for release in [good, slow, unchecked] {
            for at in (150..3_600).step_by(230) {
                let usual = run(&story(strategy, release, &[(at, Act::ClockJumps(0))]));
                for by in [HOUR, -HOUR] {
                    let set = run(&story(strategy, release, &[(at, Act::ClockJumps(by))]));
                    assert_eq!(set.violations, [], "{strategy:?} {release:?}, {by} at {at}");
                    assert_eq!(outline(&set), outline(&usual), "{strategy:?} {release:?}, {by} at {at}");
                }
            }
        }
    }
}
