//! `cargo xtask soak`: the tests that take too long for every day, with the program as it is shipped.

use crate::provision::{debian, npm};
use crate::step::{cargo, run, step};
use crate::test::locked;
use crate::trouble::Trouble;

/// Runs them, the long one for so many seconds if it is said.
pub(crate) fn run_all(seconds: Option<&str>) -> Result<(), Trouble> {
    step("tools", || debian::ensure(&debian::NODE))?;
    step("packages", npm::ensure)?;
    step("build", || run(locked(&mut cargo(["build", "--release", "-p", "gapless"]))))?;
    let mut tests = cargo(["test", "--release", "-p", "gapless-e2e", "--test", "e2e", "--"]);
    tests.args([
        "--ignored",
        "--nocapture",
        "--test-threads",
        "1",
        "soak::an_hour",
        "killed::a_hundred_times",
    ]);
    if let Some(seconds) = seconds {
        tests.env("SOAK_SECONDS", seconds);
    }
    run(&mut tests)
}
