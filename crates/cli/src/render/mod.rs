//! What users see, as pure functions from wire types to text: nothing here writes, asks or waits.

pub(crate) mod account;
pub(crate) mod app;
pub(crate) mod apply;
pub(crate) mod diagnostics;
pub(crate) mod figures;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod next_step;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod receipt;
pub(crate) mod releases;
pub(crate) mod status;
pub(crate) mod table;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
