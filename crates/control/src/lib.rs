//! Control: decides, and lets be done.
//!
//! [`engine`] is the middle: it knows everything, asks the decider, journals and acts, without any I/O of
//! its own. Around it are the parts that touch the world. It never carries traffic: it may die at any time,
//! and the next one goes on where it was.

pub mod engine;
pub mod platform;
