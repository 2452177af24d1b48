//! Random scenarios, by what goes wrong in them.

use gapless_model::Strategy as ByStrategy;
use gapless_testkit::simulation::Scenario;
use gapless_testkit::simulation::scenario::{Act, AppShape, Character, Checks, Fate, Leave, Policy};
use proptest::collection::vec;
use proptest::prelude::*;

/// The longest time at which something of a script happens.
const SCRIPT: u64 = 6_000;

/// Apps of all shapes, on a release that is good.
pub(crate) fn app() -> impl Strategy<Value = AppShape> {
    let room =
        prop_oneof![Just((1, 0)), Just((0, 1)), Just((1, 1)), Just((2, 0)), Just((4, 0)), Just((0, 2))];
    let bake = prop_oneof![Just(0), 1_u64..2_000];
    let routed = any::<prop::sample::Index>();
    let (verified, asks) = (any::<bool>(), prop::bool::weighted(0.2));
    let strategy = (strategy(), verified, asks);
    (1_u32..=4, strategy, room, bake, 200_u64..2_500, 1_u64..1_500, routed).prop_map(
        |(
            wanted,
            (strategy, verified, asks),
            (max_surge, max_unavailable),
            bake,
            drain,
            slowest_request,
            routed,
        )| AppShape {
            wanted,
            strategy,
            verified,
            asks,
            max_surge,
            max_unavailable,
            bake,
            drain,
            slowest_request,
            routed: routed.index(8) > 0,
            ..AppShape::default()
        },
    )
}

fn strategy() -> impl Strategy<Value = ByStrategy> {
    prop_oneof![
        4 => Just(ByStrategy::Rolling),
        3 => Just(ByStrategy::BlueGreen),
        1 => Just(ByStrategy::Recreate)
    ]
}

fn leave() -> impl Strategy<Value = Leave> {
    prop_oneof![4 => (0_u64..400).prop_map(Leave::After), 1 => Just(Leave::Ignores)]
}

fn character(fate: impl Strategy<Value = Fate>) -> impl Strategy<Value = Character> {
    let checks = prop_oneof![6 => (0_u64..1_000).prop_map(Checks::Pass), 1 => (0_u64..1_000).prop_map(Checks::Fail), 1 => Just(Checks::Hang)];
    (0_u64..600, fate, leave(), checks).prop_map(|(boot, fate, leave, checks)| Character {
        boot,
        fate,
        leave,
        checks,
    })
}

/// A release that works.
pub(crate) fn good() -> impl Strategy<Value = Character> {
    character(prop_oneof![5 => Just(Fate::Good), 1 => Just(Fate::StumblesOnce)])
}

/// A release that never gets ready.
pub(crate) fn stillborn() -> impl Strategy<Value = Character> {
    character(prop_oneof![Just(Fate::CrashesAtBoot), Just(Fate::CannotSpawn), Just(Fate::NeverReady)])
}

/// A release that is ready, and then is not what it seemed.
pub(crate) fn treacherous() -> impl Strategy<Value = Character> {
    character(prop_oneof![
        (0_u64..2_500).prop_map(Fate::CrashesAfter),
        (0_u64..2_500).prop_map(Fate::WedgesAfter),
        (0_u64..2_500).prop_map(Fate::FinishesAfter),
        (1_u64..1_500, 1_u64..800).prop_map(|(up, down)| Fate::Flaps(up, down)),
    ])
}

/// Any release.
pub(crate) fn any_release() -> impl Strategy<Value = Character> {
    prop_oneof![3 => good(), 1 => stillborn(), 1 => treacherous()]
}

/// A deploy, at any time.
pub(crate) fn deploy(release: impl Strategy<Value = Character>) -> impl Strategy<Value = (u64, Act)> {
    let by = prop_oneof![5 => Just(None), 1 => strategy().prop_map(Some)];
    (0..SCRIPT, 0_usize..2, release, by).prop_map(|(at, app, release, by)| {
        (at, by.map_or(Act::Deploy(app, release), |by| Act::DeployBy(app, release, by)))
    })
}

/// Something that happens to Gapless itself.
pub(crate) fn misfortune() -> impl Strategy<Value = (u64, Act)> {
    let act = prop_oneof![
        3 => Just(Act::KillControl),
        2 => (1_u64..1_500).prop_map(Act::KillProxy),
        1 => (1_u64..7_000).prop_map(Act::LoseAcknowledgements),
        2 => (0_usize..4, 1_u64..2_000).prop_map(|(worker, ms)| Act::LagWorker(worker, ms)),
        1 => (1_u64..400).prop_map(Act::SlowDisk),
    ];
    (0..SCRIPT, act)
}

/// Gapless is upgraded: for a while there are two proxies; or something befalls it in between. What a proxy says is
/// not lost then: it would be with its connection, and said again.
pub(crate) fn upgrade() -> impl Strategy<Value = (u64, Act)> {
    let act = prop_oneof![
        4 => Just(Act::Upgrade),
        3 => Just(Act::KillControl),
        1 => (1_u64..1_500).prop_map(Act::KillProxy),
        1 => (0_usize..4, 1_u64..2_000).prop_map(|(worker, ms)| Act::LagWorker(worker, ms)),
    ];
    (0..SCRIPT, act)
}

/// A disk that is full for a while.
pub(crate) fn full_disk() -> impl Strategy<Value = (u64, Act)> {
    (0..SCRIPT, (1_u64..3_000).prop_map(Act::FullDisk))
}

/// Something that happens to an instance.
pub(crate) fn harm() -> impl Strategy<Value = (u64, Act)> {
    let act = prop_oneof![
        2 => (0_usize..8).prop_map(Act::Crash),
        1 => (0_usize..8, 1_u64..1_500).prop_map(|(place, ms)| Act::Unready(place, ms)),
        1 => (0_usize..8).prop_map(Act::Wedge),
    ];
    (0..SCRIPT, act)
}

/// An instance takes too much memory.
pub(crate) fn growth() -> impl Strategy<Value = (u64, Act)> {
    (0..SCRIPT, (0_usize..8).prop_map(Act::Outgrow))
}

/// A command that leaves the app running.
pub(crate) fn command() -> impl Strategy<Value = (u64, Act)> {
    let app = 0_usize..2;
    let act = prop_oneof![
        (app.clone(), 1_u32..=5).prop_map(|(app, to)| Act::Scale(app, to)),
        app.clone().prop_map(Act::Pause),
        app.clone().prop_map(Act::Resume),
        app.clone().prop_map(Act::Abort),
        app.clone().prop_map(Act::Promote),
        app.prop_map(Act::Rollback),
    ];
    (0..SCRIPT, act)
}

/// An app is deleted, or defined anew.
pub(crate) fn deletion() -> impl Strategy<Value = (u64, Act)> {
    let app = 0_usize..2;
    let act = prop_oneof![
        app.clone().prop_map(Act::Delete),
        (app, good()).prop_map(|(app, release)| Act::Up(app, release)),
    ];
    (0..SCRIPT, act)
}

/// Any command.
pub(crate) fn any_command() -> impl Strategy<Value = (u64, Act)> {
    let app = 0_usize..2;
    let empties = prop_oneof![
        app.clone().prop_map(Act::Stop),
        app.clone().prop_map(Act::Start),
        app.clone().prop_map(Act::Restart),
        app.clone().prop_map(Act::Delete),
        (app, good()).prop_map(|(app, release)| Act::Up(app, release)),
    ];
    prop_oneof![2 => command(), 1 => (0..SCRIPT, empties)]
}

/// Apps whose instances are not always started again.
pub(crate) fn apps_of_any_policy() -> impl Strategy<Value = Vec<AppShape>> {
    let policy =
        prop_oneof![2 => Just(Policy::Always), 1 => Just(Policy::OnFailure), 1 => Just(Policy::Never)];
    vec((app(), policy).prop_map(|(app, restart)| AppShape { restart, ..app }), 1..=2)
}

/// Three apps, each started after one or both of those before it, or at once.
pub(crate) fn apps_in_order() -> impl Strategy<Value = Vec<AppShape>> {
    (vec(app(), 3), any::<[bool; 3]>()).prop_map(|(mut apps, [second, third, both])| {
        apps[1].after = if second { vec![0] } else { Vec::new() };
        apps[2].after = match (third, both) {
            (true, true) => vec![0, 1],
            (true, false) => vec![1],
            (false, _) => vec![0],
        };
        apps
    })
}

/// The machine is started anew.
pub(crate) fn boot() -> impl Strategy<Value = (u64, Act)> {
    (0..SCRIPT).prop_map(|at| (at, Act::Boot))
}

/// A story of one or two such apps.
pub(crate) fn story(
    apps: impl Strategy<Value = Vec<AppShape>>,
    script: impl Strategy<Value = Vec<(u64, Act)>>,
    kills: impl Strategy<Value = Vec<u64>>,
) -> impl Strategy<Value = Scenario> {
    (any::<u64>(), apps, 1_usize..=3, script, kills, 1_u64..4_000).prop_map(
        |(seed, apps, workers, script, kills, away)| Scenario {
            seed,
            apps,
            workers,
            script,
            kills,
            strikes: Vec::new(),
            away,
            sabotage: None,
        },
    )
}

/// One app, now and then two.
pub(crate) fn apps() -> impl Strategy<Value = Vec<AppShape>> {
    vec(app(), 1..=2)
}

/// Several kinds of acts in one script.
pub(crate) fn mixed(parts: Vec<BoxedStrategy<Vec<(u64, Act)>>>) -> impl Strategy<Value = Vec<(u64, Act)>> {
    parts.prop_map(|parts| parts.concat())
}

/// At most so many of one kind.
pub(crate) fn some(
    act: impl Strategy<Value = (u64, Act)> + 'static,
    least: usize,
    most: usize,
) -> BoxedStrategy<Vec<(u64, Act)>> {
    vec(act, least..=most).boxed()
}

/// Control is killed after some of its steps.
pub(crate) fn kills(most: usize) -> impl Strategy<Value = Vec<u64>> {
    vec(1_u64..250, 0..=most)
}
