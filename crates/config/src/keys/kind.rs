//! What a key is.

use std::time::Duration;

/// A table of the file.
pub(crate) struct Table {
    /// Its path with `NAME` for the app's name, as `apps.NAME.ready`; empty for the top.
    pub(crate) path: &'static str,
    /// What it is for, one sentence.
    pub(crate) doc: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [Key],
}

impl Table {
    /// The key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a table.
pub(crate) struct Key {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// What holds without it.
    pub(crate) default: Default,
    /// A value that is right, as it is written in the file. For tables: their header.
    pub(crate) example: &'static str,
    /// What it is for, one sentence.
    pub(crate) doc: &'static str,
}

/// What holds where a key is not given.
pub(crate) enum Default {
    /// Nothing; the thing is just not there.
    Nothing,
    /// It has to be given.
    Required,
    /// Something that depends on other keys, in words.
    Derived(&'static str),
    /// A word or text.
    Text(&'static str),
    /// A duration.
    Duration(Duration),
    /// Bytes.
    Size(u64),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
}

/// What a key takes.
pub(crate) enum Kind {
    /// A path of a file or directory, relative to the file it stands in.
    File,
    /// `true` or `false`.
    Flag,
    /// `true`, `false`, or one of some words.
    FlagOr {
        /// The words.
        words: &'static [&'static str],
    },
    /// A whole number within bounds, both included.
    Number {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// Cores, with or without a fraction.
    Cores,
    /// A number of at least 1, or `"max"`.
    Instances,
    /// A duration with its unit.
    Duration {
        /// The shortest that makes sense.
        min: Duration,
    },
    /// A size with its unit.
    Size,
    /// One of some words.
    Word {
        /// Those that are built.
        built: &'static [&'static str],
        /// Those that are known and will be built.
        later: &'static [&'static str],
    },
    /// A signal that can ask a process to stop.
    Signal,
    /// A command, as a line or a list of words.
    Command,
    /// An address to listen on.
    Listen,
    /// A host pattern.
    Host,
    /// The name of a cookie.
    Cookie,
    /// A network of addresses, or one address.
    Network,
    /// A path prefix of URLs.
    Prefix,
    /// A text that is not empty.
    Text,
    /// A path of a URL, with query.
    Target,
    /// Names and values of environment variables.
    Env,
    /// Names of environment variables.
    Names,
    /// A table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
    /// A table of tables that the user names.
    Named(&'static Table),
    /// A URL that begins with `https://`.
    Url,
    /// An address of mail.
    Email,
    /// A list of what is written as a text.
    List(&'static Kind),
}
