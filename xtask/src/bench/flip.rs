//! How long a flip of blue-green takes, from the decision to the last worker's acknowledgement.

use super::ground::Ground;
use super::node_app::{INSTANCES, NodeApp};
use super::row::{Row, Unit, median};
use super::web::free_address;
use crate::trouble::Trouble;
use gapless_load::{LoadThread, Plan, RequestKind, Stream};
use serde_json::Value;
use std::time::Duration;

const FLIPS: usize = 9;
const WORKERS: u32 = 4;
/// Each client begins a request this often, if the one before is answered.
const PERIOD: Duration = Duration::from_millis(25);

/// The middle one of some flips under load, by the receipts.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let app = NodeApp { address: free_address()?, boot_ms: 0, answer_ms: 5 };
    let front = free_address()?;
    let rollout = format!("bake = \"0s\"\nstrategy = \"blue-green\"\n\n[proxy]\nworkers = {WORKERS}");
    let gapless = app.under_gapless_by(ground, front, &rollout)?;
    let plan = Plan::new(front, Duration::from_secs(120))
        .with(Stream::new("kept connections", 24, RequestKind::get("/")).every(PERIOD))
        .with(Stream::new("new connections", 8, RequestKind::get("/")).every(PERIOD).connecting_anew());
    let load = LoadThread::start(plan)
        .map_err(|source| Trouble::Bench { what: format!("cannot start the load: {source}") })?;
    let flips: Result<Vec<f64>, Trouble> = (0..FLIPS)
        .map(|_| {
            let (_, output) = gapless.run(&["reload", "web", "--json"])?;
            let receipt: Value = serde_json::from_slice(&output.stdout)
                .map_err(|source| Trouble::Answer { command: "gapless reload --json".into(), source })?;
            let micros = receipt["apps"][0]["receipt"]["flips"][0]["micros"].as_f64();
            let micros = micros.ok_or_else(|| Trouble::Bench { what: format!("no flip in {receipt}") })?;
            Ok(micros / 1e3)
        })
        .collect();
    let report = load.stop();
    let flips = flips?;
    if report.lost() > 0 || report.right == 0 {
        return Err(Trouble::Bench { what: format!("requests were lost:\n{report}") });
    }
    Ok(vec![
        Row::new(
            format!(
                "a flip to {INSTANCES} other instances under load, {WORKERS} workers: decision to last word"
            ),
            Unit::Milliseconds,
            median(flips),
        )
        .at_most(10.0),
    ])
}
