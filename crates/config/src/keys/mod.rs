//! Every key of `gapless.toml`: name, type, default, meaning. The parser, the JSON schema and the reference
//! all read these tables, so none of them can know a key that another does not.

mod app;
mod balance;
mod kind;
mod lifecycle;
mod probe;
mod rollout;
mod root;
mod tls;
mod traffic;

pub(crate) use app::APP;
pub(crate) use kind::{Default, Key, Kind, Table};
pub(crate) use probe::{LIVE, READY, STARTUP};
pub(crate) use root::{ADMIN, PROXY, ROOT};
