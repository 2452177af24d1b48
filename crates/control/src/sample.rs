//! What instances use, looked at now and then.

use crate::clock;
use crate::core::Desk;
use crate::engine::Usage;
use gapless_supervise::Meter;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often.
const EVERY: Duration = Duration::from_secs(2);

/// After so many samples, memory that was freed, and code that lies unused, go back to the system.
const ROUNDS_UNTIL_TIDY: u32 = 5;

/// Samples until control ends. To be spawned.
pub(crate) async fn keep(desk: Desk) {
    let mut meter = Meter::default();
    let mut rounds: u32 = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        let Ok(groups) = desk.ask(|core| core.engine.processes()).await else { return };
        let at = clock::moment();
        // One pass over /proc: milliseconds, but not on the loop's time.
        let sampled = tokio::task::spawn_blocking(move || {
            let used = meter.sample(&groups, at);
            (meter, used)
        });
        let Ok((returned, used)) = sampled.await else { return };
        meter = returned;
        rounds += 1;
        if rounds.is_multiple_of(ROUNDS_UNTIL_TIDY) {
            // A burst of requests or of output leaves holes that the allocator would keep for ever.
            gapless_sys::memory::give_back();
            // That it could not be done costs nothing but memory.
            let _ = gapless_sys::memory::forget_code();
        }
        let Ok(used) = used else { continue };
        let usage: BTreeMap<u32, Usage> = used
            .into_iter()
            .map(|(pid, used)| (pid, Usage { cpu_percent: used.cpu_percent, memory: used.memory }))
            .collect();
        if desk.ask(move |core| core.take_usage(usage)).await.is_err() {
            return;
        }
    }
}
