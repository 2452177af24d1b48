//! The command line of Gapless.
//!
//! [`run`] reads the process's arguments, does what they say and returns the exit code; only `main` calls it.
//! Each command is a file in `commands`, asks control by `gapless-api`'s client, and shows the answer by the
//! pure functions in `render`. Errors are all of one type, with a hint and an exit code.
//!
//! It never knows control, the proxy or the keeper: `main` hands them in as [`Parts`], and all it does with
//! them is start a keeper and become one of them when called by a hidden subcommand. It decides nothing about
//! apps, and keeps no state.

mod args;
mod base_env;
mod commands;
mod config_file;
mod demo;
mod errors;
mod exit;
mod follow;
mod foreground;
mod home;
mod internal;
mod ours;
mod parts;
mod progress_view;
mod render;
mod run;
mod screen;
mod session;
mod unit;

pub use exit::Exit;
pub use parts::Parts;
pub use run::run;

#[cfg(test)]
mod tests;
