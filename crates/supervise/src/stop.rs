//! The end of a process group: asked first, then killed.

use crate::census::Census;
use crate::clock;
use crate::group::{Group, Mark};
use gapless_model::Moment;
use gapless_model::release::{StopSpec, StopTarget};
use gapless_model::signal::Signal;
use std::time::Duration;
use tokio::time::sleep;

/// The first pause between two looks at what is left of a group; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(100);

/// Sends the stop signal as `spec` says.
pub(crate) fn ask(group: &Group, spec: &StopSpec) {
    match spec.to {
        StopTarget::Group => group.signal_all(spec.signal),
        StopTarget::Main => group.signal_leader(spec.signal),
    }
}

/// Waits until every process of the group has gone by itself; at `kill_at` all that are left are killed.
pub(crate) async fn complete(group: &Group, kill_at: Moment, census: &Census, mark: &Mark) {
    tokio::select! {
        () = leave(group, census, mark) => return,
        () = clock::sleep_until(kill_at) => {}
    }
    group.signal_all(Signal::Kill);
    group.ended().await;
}

/// Waits until the leader, and then everybody else, has gone by itself.
async fn leave(group: &Group, census: &Census, mark: &Mark) {
    group.ended().await;
    let mut pause = FIRST;
    while !group.members(census, mark).await.is_empty() {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}
