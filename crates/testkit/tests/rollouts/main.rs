//! At least ten thousand random rollouts, with a fault at every step: the promises of the design hold in all.
//!
//! Counted are rollouts that replace a release under traffic; the first ones of the apps come on top.
//!
//! Each run plays the same scenarios. `SEED=random cargo test -p gapless-testkit --test rollouts` looks for
//! new ones, `SEED=…` with the number that a failure names repeats it, `CASES=…` plays another number of
//! scenarios in each test, `SIMULATION_TRACE=1` shows what happened in the smallest that broke a promise.

mod check;
mod stories;

use check::hold;
use stories::{
    any_command, any_release, apps, apps_in_order, apps_of_any_policy, boot, command, deletion, deploy,
    full_disk, good, growth, harm, kills, misfortune, mixed, some, stillborn, story, upgrade,
};

// How many rollouts each test has at least, where neither SEED nor CASES is given.
const GOOD: usize = 1_150;
const STILLBORN: usize = 1_400;
const MISFORTUNE: usize = 1_450;
const KILLED: usize = 1_300;
const COMMANDS: usize = 1_500;
const HARM: usize = 1_400;
const DELETED: usize = 600;
const EVERYTHING: usize = 1_400;
const UPGRADED: usize = 600;
const ALL: usize = GOOD + STILLBORN + MISFORTUNE + KILLED + COMMANDS + HARM + DELETED + EVERYTHING;
const _: () = assert!(ALL >= 10_000, "what is promised above");

#[test]
fn good_releases_complete() {
    let script = mixed(vec![some(deploy(good()), 1, 3)]);
    hold(700, GOOD, story(apps(), script, kills(0)));
}

#[test]
fn stillborn_releases_leave_the_old_one_serving() {
    let script = mixed(vec![some(deploy(stillborn()), 1, 2), some(deploy(good()), 0, 2)]);
    hold(700, STILLBORN, story(apps(), script, kills(0)));
}

#[test]
fn any_release_under_any_misfortune() {
    let script = mixed(vec![some(deploy(any_release()), 1, 3), some(misfortune(), 0, 5)]);
    hold(1_100, MISFORTUNE, story(apps(), script, kills(0)));
}

#[test]
fn control_killed_between_any_two_steps() {
    let script = mixed(vec![some(deploy(any_release()), 1, 3)]);
    hold(1_100, KILLED, story(apps(), script, kills(8)));
}

/// Two proxies at once, one of them retiring, with control killed in between.
#[test]
fn gapless_itself_is_upgraded() {
    let script =
        mixed(vec![some(deploy(any_release()), 1, 3), some(upgrade(), 1, 5), some(any_command(), 0, 2)]);
    hold(600, UPGRADED, story(apps(), script, kills(5)));
}

#[test]
fn users_change_their_minds() {
    let script =
        mixed(vec![some(deploy(any_release()), 1, 3), some(command(), 1, 6), some(misfortune(), 0, 2)]);
    hold(1_100, COMMANDS, story(apps(), script, kills(2)));
}

#[test]
fn instances_fail_at_any_time() {
    let script = mixed(vec![some(deploy(any_release()), 1, 3), some(harm(), 1, 5)]);
    hold(1_000, HARM, story(apps(), script, kills(3)));
}

/// Those are replaced, whatever else goes on.
#[test]
fn instances_take_too_much_memory() {
    let script = mixed(vec![some(deploy(any_release()), 0, 2), some(growth(), 1, 6), some(command(), 0, 2)]);
    hold(600, 0, story(apps(), script, kills(4)));
}

/// What an app that is deleted has begun is done, whoever of us dies meanwhile, and it may come back before that.
#[test]
fn apps_are_deleted_and_come_back() {
    let script = mixed(vec![
        some(deploy(any_release()), 0, 2),
        some(deletion(), 1, 5),
        some(any_command(), 0, 2),
        some(misfortune(), 0, 3),
    ]);
    hold(700, DELETED, story(apps_of_any_policy(), script, kills(5)));
}

/// At a boot too, whoever fails, is stopped, deleted or begun anew meanwhile.
#[test]
fn apps_are_started_in_their_order() {
    let script = mixed(vec![
        some(deploy(any_release()), 0, 2),
        some(any_command(), 1, 5),
        some(boot(), 0, 2),
        some(harm(), 0, 2),
        some(misfortune(), 0, 2),
    ]);
    hold(200, 0, story(apps_in_order(), script, kills(4)));
}

#[test]
fn everything_at_once() {
    let script = mixed(vec![
        some(deploy(any_release()), 1, 3),
        some(any_command(), 0, 5),
        some(harm(), 0, 4),
        some(misfortune(), 0, 4),
        some(full_disk(), 0, 1),
    ]);
    hold(1_300, EVERYTHING, story(apps_of_any_policy(), script, kills(3)));
}
