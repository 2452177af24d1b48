//! Answers by the proxy itself, when no instance can give one.

mod answer;
mod reason;

pub(crate) use reason::Refusal;
