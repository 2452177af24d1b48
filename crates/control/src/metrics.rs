//! Metrics for Prometheus: what the proxy has counted, added up over proxies that come and go, and what
//! control knows itself.
//!
//! | file | what it holds |
//! |---|---|
//! | [`book`] | adds up the counters of one proxy after the other |
//! | [`page`] | which metrics there are |
//! | [`text`] | how they are written |
//!
//! What is counted by release outlives the release's instances, so rates stay right through a rollout; what
//! is counted by instance goes with the instance. Both are bounded: a release beyond the newest few is
//! dropped, with all its series.

mod book;
mod page;
mod text;

pub(crate) use book::{Book, SETTING};
pub(crate) use page::page;
pub(crate) use text::CONTENT_TYPE;
