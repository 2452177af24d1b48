//! From sections to the model's words: what values mean together, and with the machine they are read on.
//! Reads directories and environment files; writes nothing.

mod admin;
mod app;
mod command;
mod directory;
mod environment;
mod error_pages;
mod listeners;
mod order;
mod probe;
mod process;
mod rollout;
mod routes;
mod secrets;
mod settings;
mod tls;
mod whole;

pub(crate) use whole::{Surroundings, config};
