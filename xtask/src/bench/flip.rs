//! How long a flip of blue-green takes, from the decision to the last worker's acknowledgement.

use super::gapless::Gapless;
use super::ground::Ground;
use super::load;
use super::node_app::{INSTANCES, NodeApp};
use super::row::{Row, Unit, median};
use super::until::until;
use super::web::free_address;
use crate::trouble::Trouble;
use serde_json::Value;
use std::time::Duration;

const FLIPS: usize = 9;
const WORKERS: u32 = 4;

/// The middle one of some flips under load, by the receipts: to new processes as soon as they are ready, and back
/// within the bake.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let app = NodeApp { address: free_address()?, boot_ms: 0, answer_ms: 5 };
    let front = free_address()?;
    let rollout = format!("bake = \"60s\"\nstrategy = \"blue-green\"\n\n[proxy]\nworkers = {WORKERS}");
    let gapless = app.under_gapless_by(ground, front, &rollout)?;
    let flips = || (0..FLIPS).map(|_| there_and_back(&gapless)).collect::<Result<Vec<_>, Trouble>>();
    let (flips, report) = load::beside(load::mixed(front), flips)?;
    let (there, back): (Vec<f64>, Vec<f64>) = flips.into_iter().unzip();
    if report.lost() > 0 {
        return Err(Trouble::Bench { what: format!("requests were lost:\n{report}") });
    }
    let row = |what: &str, took| {
        let what = format!("{what} under load, {WORKERS} workers: decision to last word");
        Row::new(what, Unit::Milliseconds, median(took)).at_most(10.0)
    };
    Ok(vec![
        row(&format!("a flip to {INSTANCES} other instances, just started,"), there),
        row("a flip back within the bake", back),
    ])
}

/// Milliseconds of a flip to a new set and of the flip back.
fn there_and_back(gapless: &Gapless) -> Result<(f64, f64), Trouble> {
    gapless.run(&["reload", "web", "--detach"])?;
    until("the bake", Duration::from_secs(30), Duration::from_millis(50), || {
        let status = gapless.status().ok()?;
        (status["apps"][0]["rollout"]["phase"]["phase"] == "baking").then_some(())
    })?;
    let (_, output) = gapless.run(&["rollback", "web", "--json"])?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|source| Trouble::Answer { command: "gapless rollback --json".into(), source })?;
    let flips = &answer["apps"][0]["receipt"]["flips"];
    let millis = |i: usize| flips[i]["micros"].as_f64().map(|micros| micros / 1e3);
    millis(0).zip(millis(1)).ok_or_else(|| Trouble::Bench { what: format!("no two flips in {answer}") })
}
