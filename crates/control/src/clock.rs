//! The clocks, read in one place.

use crate::engine::Now;
use gapless_model::{Moment, WallTime};

/// The time now.
pub fn now() -> Now {
    let exact = gapless_sys::clock::boot();
    let millis = u64::try_from(exact.as_millis()).unwrap_or(u64::MAX);
    let wall = WallTime::from_millis(gapless_sys::clock::wall_millis());
    Now { moment: Moment::from_millis(millis), wall, exact }
}

/// The time now, to decide by.
pub fn moment() -> Moment {
    Moment::from_millis(gapless_sys::clock::boot_millis())
}
