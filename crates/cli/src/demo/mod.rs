//! `gapless demo`: the whole story on an app that is in this binary.

pub(crate) mod app;
pub(crate) mod customers;
pub(crate) mod place;
pub(crate) mod story;
