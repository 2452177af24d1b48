//! The clocks, read in one place.

use crate::engine::Now;
use gapless_model::{Moment, WallTime};

/// The time now.
pub fn now() -> Now {
    Now { moment: moment(), wall: WallTime::from_millis(gapless_sys::clock::wall_millis()) }
}

/// The time now, to decide by.
pub fn moment() -> Moment {
    Moment::from_millis(gapless_sys::clock::boot_millis())
}
