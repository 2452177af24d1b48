//! How requests are spread over an app's instances: the less loaded of two, those that fail passed over for a
//! while, those that are new asked less, and clients kept where they were if the app wants that.

mod choice;
mod health;
mod sticky;

pub(crate) use choice::{Load, choose};
pub(crate) use health::Health;
pub(crate) use sticky::{Sticky, token};
