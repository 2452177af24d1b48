//! Every message that a wrong file can get, as the user sees it.

mod apps;
mod files;
mod keys;
mod rendering;
mod values;
