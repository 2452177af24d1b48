//! Control is killed at every point: before, in and after each write of the journal, before and after each of its
//! effects, enumerated for a story of each kind under each strategy. The promises hold all the while, and the story
//! ends as it would have.
//!
//! Each is struck once at each point, and a second time where the control that comes next has just begun to take
//! things up. `cargo test -p gapless-testkit --test every_point -- --nocapture` shows how many points those are.

mod strike;

use gapless_model::Strategy;
use gapless_testkit::simulation::point::Effect;
use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Checks, Fate, Leave};
use strike::{Tally, everywhere};

/// A new release that works: slow enough that what happens to it is far from what a user does.
const GOOD: Character =
    Character { boot: 250, fate: Fate::Good, leave: Leave::After(120), checks: Checks::Pass(150) };

const fn bad(fate: Fate) -> Character {
    Character { fate, ..GOOD }
}

fn app(strategy: Strategy) -> AppShape {
    AppShape { strategy, bake: 300, verified: true, slowest_request: 200, ..AppShape::default() }
}

/// Plays it, says how many points it had, and sees that none of a kind that it must have is missing.
fn story(name: &str, shape: &AppShape, script: &[(u64, Act)], outcomes: &[&str], effects: &[Effect]) {
    story_of(name, std::slice::from_ref(shape), script, outcomes, effects);
}

fn story_of(name: &str, apps: &[AppShape], script: &[(u64, Act)], outcomes: &[&str], effects: &[Effect]) {
    let tally = everywhere(apps, script, outcomes);
    let Tally { writes, effects: found } = &tally;
    println!("{name}: {} points; {writes:?} before, in and after a write; {found:?}", tally.points());
    // Two plays, with at least so many entries each; every entry has its three points.
    assert!(writes[0] >= 2 * FEWEST_WRITES, "{tally:?}");
    assert!(writes[0] == writes[1] && writes[1] == writes[2], "{tally:?}");
    for effect in effects {
        assert!(
            found.get(effect).is_some_and(|[before, after]| *before >= 2 && before == after),
            "{effect:?}: {tally:?}"
        );
    }
}

/// The fewest entries that a story can do with.
const FEWEST_WRITES: usize = 8;

/// What every replacement does.
const REPLACES: &[Effect] =
    &[Effect::Start, Effect::Spawn, Effect::Stop, Effect::Signal, Effect::Route, Effect::Forget];

/// What every release that is checked goes through.
const CHECKED: &[Effect] = &[Effect::Start, Effect::Spawn, Effect::Verify, Effect::Stop, Effect::Route];

/// The same stories under each strategy.
macro_rules! under_each_strategy {
    ($($module:ident: $strategy:expr;)*) => {
        $(mod $module {
            use super::*;
            const STRATEGY: Strategy = $strategy;

            fn story(name: &str, shape: &AppShape, script: &[(u64, Act)], outcomes: &[&str]) {
                super::story(&format!("{STRATEGY:?}, {name}"), shape, script, outcomes, REPLACES);
            }

            #[test]
            fn a_good_release() {
                story("a good release", &app(STRATEGY), &[(200, Act::Deploy(0, GOOD))], &["completed"]);
            }

            #[test]
            fn a_release_that_never_gets_ready() {
                let release = Character { leave: Leave::Ignores, ..bad(Fate::NeverReady) };
                let effects = [Effect::Start, Effect::Spawn, Effect::Stop, Effect::Kill];
                let name = format!("{STRATEGY:?}, a release that never gets ready");
                super::story(&name, &app(STRATEGY), &[(200, Act::Deploy(0, release))], &["aborted"], &effects);
            }

            #[test]
            fn a_release_that_crashes_while_it_is_watched() {
                let shape = AppShape { bake: 2_000, ..app(STRATEGY) };
                let script = [(200, Act::Deploy(0, bad(Fate::CrashesAfter(1_200))))];
                story("a release that crashes while it is watched", &shape, &script, &["aborted"]);
            }

            #[test]
            fn a_rollback() {
                let script = [(200, Act::Deploy(0, GOOD)), (3_000, Act::Rollback(0))];
                story("a rollback", &app(STRATEGY), &script, &["completed", "completed"]);
            }

            #[test]
            fn an_abort_at_the_start() {
                let script = [(200, Act::Deploy(0, GOOD)), (300, Act::Abort(0))];
                story("an abort at the start", &app(STRATEGY), &script, &["aborted"]);
            }

            #[test]
            fn an_abort_while_it_is_watched() {
                let shape = AppShape { bake: 2_500, ..app(STRATEGY) };
                let script = [(200, Act::Deploy(0, GOOD)), (2_500, Act::Abort(0))];
                story("an abort while it is watched", &shape, &script, &["aborted"]);
            }

            #[test]
            fn a_promotion_while_it_is_watched() {
                let shape = AppShape { bake: 4_000, ..app(STRATEGY) };
                let script = [(200, Act::Deploy(0, GOOD)), (2_500, Act::Promote(0))];
                story("a promotion while it is watched", &shape, &script, &["completed"]);
            }

            /// Two proxies send requests to instances meanwhile, the former one to the clients that it has.
            #[test]
            fn an_upgrade_of_gapless_itself() {
                let script = [(200, Act::Deploy(0, GOOD)), (500, Act::Upgrade)];
                let effects = [REPLACES, &[Effect::Adopt, Effect::RetireProxy]].concat();
                let name = format!("{STRATEGY:?}, an upgrade of Gapless itself");
                super::story(&name, &app(STRATEGY), &script, &["completed"], &effects);
            }

            #[test]
            fn scaled_up_and_down() {
                let shape = AppShape { bake: 1_000, ..app(STRATEGY) };
                let script = [(200, Act::Scale(0, 3)), (1_500, Act::Deploy(0, GOOD)), (1_700, Act::Scale(0, 1))];
                story("scaled up, and down in the middle of a rollout", &shape, &script, &["completed"]);
            }
        })*
    };
}

under_each_strategy! {
    rolling: Strategy::Rolling;
    blue_green: Strategy::BlueGreen;
    recreate: Strategy::Recreate;
}

/// Nobody but the user makes such a release public.
fn asks() -> AppShape {
    AppShape { asks: true, ..app(Strategy::BlueGreen) }
}

#[test]
fn a_promotion_that_is_waited_for() {
    let script = [(200, Act::Deploy(0, GOOD)), (1_500, Act::Promote(0))];
    story("a promotion that is waited for", &asks(), &script, &["completed"], CHECKED);
}

#[test]
fn a_promotion_that_never_comes() {
    let script = [(200, Act::Deploy(0, GOOD))];
    story("a promotion that never comes", &asks(), &script, &["aborted"], CHECKED);
}

#[test]
fn an_abort_instead_of_a_promotion() {
    let script = [(200, Act::Deploy(0, GOOD)), (1_500, Act::Abort(0))];
    story("an abort instead of a promotion", &asks(), &script, &["aborted"], CHECKED);
}

#[test]
fn an_abort_while_it_is_checked() {
    let release = Character { boot: 100, checks: Checks::Hang, ..GOOD };
    let script = [(200, Act::Deploy(0, release)), (1_200, Act::Abort(0))];
    let effects = &[Effect::Verify, Effect::EndVerification];
    story("an abort while it is checked", &app(Strategy::BlueGreen), &script, &["aborted"], effects);
}

#[test]
fn checks_that_fail() {
    let release = Character { checks: Checks::Fail(200), ..GOOD };
    let script = [(200, Act::Deploy(0, release))];
    story("checks that fail", &app(Strategy::BlueGreen), &script, &["aborted"], CHECKED);
}

#[test]
fn checks_that_hang() {
    let release = Character { checks: Checks::Hang, ..GOOD };
    let script = [(200, Act::Deploy(0, release))];
    story("checks that hang", &app(Strategy::BlueGreen), &script, &["aborted"], CHECKED);
}

#[test]
fn one_instance() {
    let shape = AppShape { wanted: 1, ..app(Strategy::Rolling) };
    story("one instance", &shape, &[(200, Act::Deploy(0, GOOD))], &["completed"], REPLACES);
}

#[test]
fn a_worker_without_routes() {
    let shape = AppShape { routed: false, max_unavailable: 1, ..app(Strategy::Rolling) };
    let release = Character { leave: Leave::After(900), ..GOOD };
    let effects = &[Effect::Start, Effect::Spawn, Effect::Stop, Effect::Signal];
    story("a worker without routes", &shape, &[(200, Act::Deploy(0, release))], &["completed"], effects);
}

/// Two apps, of which the second is started after the first.
fn in_order() -> [AppShape; 2] {
    let first = AppShape { wanted: 1, ..app(Strategy::Rolling) };
    [first.clone(), AppShape { after: vec![0], ..first }]
}

#[test]
fn a_boot_in_order() {
    let effects = &[Effect::Start, Effect::Spawn, Effect::Route];
    story_of("a boot in order", &in_order(), &[(200, Act::Boot)], &[], effects);
}

#[test]
fn a_stop_and_a_start_in_order() {
    let script = [(200, Act::Stop(1)), (220, Act::Stop(0)), (1_500, Act::Start(0)), (1_520, Act::Start(1))];
    let effects = &[Effect::Start, Effect::Spawn, Effect::Stop, Effect::Route];
    story_of("a stop and a start in order", &in_order(), &script, &[], effects);
}
