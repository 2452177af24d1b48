//! The commands, one file each, named by its word. A file has the command's own arguments and what it does
//! with them; what several do alike is in [`watched`].

pub(crate) mod abort;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod down;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod pause;
pub(crate) mod promote;
pub(crate) mod releases;
pub(crate) mod reload;
pub(crate) mod restart;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod start;
pub(crate) mod startup;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod unstartup;
pub(crate) mod up;
pub(crate) mod upgrade;
pub(crate) mod watched;
