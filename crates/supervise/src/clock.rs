//! The clock that deadlines are counted by.

use gapless_model::Moment;
use std::time::Duration;

/// Now.
pub(crate) fn now() -> Moment {
    Moment::from_millis(gapless_sys::clock::boot_millis())
}

/// Waits until `moment`; not at all if it has passed. When it comes back, [`now`] is not before `moment`.
pub(crate) async fn sleep_until(moment: Moment) {
    match moment.since(now()) {
        Duration::ZERO => {}
        rest => tokio::time::sleep(rest).await,
    }
}
