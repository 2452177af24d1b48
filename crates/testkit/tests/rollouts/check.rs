//! Plays random scenarios until one breaks a promise.

use gapless_testkit::simulation::Scenario;
use gapless_testkit::simulation::{Report, run};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::sync::Once;

/// How much of the trace of a broken scenario is shown.
const TRACE: usize = 400;

/// The seed where none is given: the same scenarios at every run, so that whether a change lands does not
/// depend on luck.
const USUAL: u64 = 20_261_121;

/// The seed of this run: `SEED=… cargo test` plays another, `SEED=random` one that nobody has chosen.
pub(crate) fn seed() -> u64 {
    match std::env::var("SEED").as_deref() {
        Err(_) => USUAL,
        Ok("random") => {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
            u64::from(since.subsec_nanos()) << 20 | u64::from(std::process::id())
        }
        Ok(text) => text.parse().expect("SEED is a number, or random"),
    }
}

/// How many scenarios: `CASES=…` overrides the test's own number.
fn cases(usual: u32) -> u32 {
    std::env::var("CASES").ok().map_or(usual, |text| text.parse().expect("CASES is a number"))
}

/// Plays `usual` scenarios of a kind, and says how many rollouts from one release to another they had.
///
/// # Panics
/// If these were fewer than `least`, where neither seed nor number of cases was asked for. With the smallest
/// scenario that breaks a promise, and the seed that repeats the run.
pub(crate) fn hold(usual: u32, least: usize, stories: impl Strategy<Value = Scenario>) {
    let seed = seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: cases(usual),
        failure_persistence: None,
        max_shrink_iters: 3_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let rollouts = Cell::new(0);
    let outcome = TestRunner::new_with_rng(config, rng).run(&stories, |scenario| {
        let report = play(&scenario).map_err(|said| TestCaseError::fail(in_short(&said)))?;
        rollouts.set(rollouts.get() + report.receipts.iter().filter(|r| r.from.is_some()).count());
        match report.violations.first() {
            None => Ok(()),
            Some(violation) => Err(TestCaseError::fail(violation.to_string())),
        }
    });
    match outcome {
        Ok(()) => {
            let rollouts = rollouts.get();
            println!("{rollouts} rollouts, SEED={seed}");
            let asked = ["SEED", "CASES"].iter().any(|name| std::env::var_os(name).is_some());
            assert!(asked || rollouts >= least, "{rollouts} rollouts, {least} are promised");
        }
        Err(TestError::Fail(reason, scenario)) => {
            panic!("{reason}\nSEED={seed} repeats this run; the smallest scenario:\n{}", shown(&scenario))
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Plays a scenario. The engine checks its own decisions: what it says when it panics is the error.
pub(crate) fn play(scenario: &Scenario) -> Result<Report, String> {
    thread_local! {
        static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                SAID.set(Some(info.to_string()));
            } else {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let played = std::panic::catch_unwind(|| run(scenario));
    QUIET.set(false);
    played.map_err(|_| SAID.take().unwrap_or_default())
}

/// The violations at the end of what the engine says.
fn in_short(said: &str) -> String {
    said.lines().find(|line| line.starts_with("  left:")).unwrap_or(said).trim().to_owned()
}

fn shown(scenario: &Scenario) -> String {
    let mut text = format!("{scenario:?}\n");
    let report = match play(scenario) {
        Ok(report) => report,
        Err(said) => return text + &said,
    };
    for violation in &report.violations {
        let _ = writeln!(text, "{violation}");
    }
    let from = report.trace.len().saturating_sub(TRACE);
    for line in &report.trace[from..] {
        let _ = writeln!(text, "{line}");
    }
    if report.trace.is_empty() {
        text.push_str("SIMULATION_TRACE=1 shows what happened in it.\n");
    }
    text
}
