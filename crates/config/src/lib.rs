//! `gapless.toml`, read: from text to the model's [`AppSpec`](gapless_model::AppSpec)s, with everything that
//! is wrong found at once and said so that it can be put right.
//!
//! A file goes through four hands: the source module reads bytes as text, `document` holds the text against the
//! key tables in `keys` (names and types), `validate` holds the values against each other and against the
//! machine, and [`Config`] is what remains. Whatever is wrong becomes a [`Problem`] that points at its place;
//! the [`Report`] has all of them.
//!
//! The command line calls this (`up`, `check`, `start`); control never sees the file. Nothing in here writes,
//! runs, connects, or knows the API.
//!
//! The key tables are the only list of keys: the parser, the [`schema()`], the
//! [`reference()`] and the defaults all come from them. A new key is a line there, and its meaning
//! in `validate`.

mod config;
mod defaults;
mod document;
mod env_file;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod keys;
mod nearest;
mod places;
mod problem;
mod reference;
mod schema;
mod source;
mod start;
mod text;
mod validate;

pub use config::{Admin, Config, Control, FILE, Proxy};
pub use places::Places;
pub use problem::{Problem, Report};
pub use reference::reference;
pub use schema::schema;
pub use start::Start;

/// A duration as people write it: `500ms`, `30s`, `1m 30s`, `2h`.
///
/// # Errors
/// For people: what is wrong with it, and what would be right.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    text::duration::parse(text, std::time::Duration::ZERO)
        .map_err(|unfit| format!("it {}; {}", unfit.what, unfit.help))
}
