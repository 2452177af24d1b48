//! A table of the file as it was read.

use super::value::{CommandText, Value};
use crate::keys::{Default, Table};
use gapless_model::Signal;
use miette::SourceSpan;
use serde::Deserialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Something with the place that it was written at.
#[derive(Debug, Clone)]
pub(crate) struct Written<T> {
    /// What.
    pub(crate) value: T,
    /// Where.
    pub(crate) span: SourceSpan,
}

/// An environment variable.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: Written<String>,
    /// Its value.
    pub(crate) value: Written<String>,
}

/// A key that was given.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where its value is.
    pub(crate) span: SourceSpan,
    /// Its value; none if it was wrong, which has been said already.
    pub(crate) value: Option<Value>,
}

/// A table. A key that is absent, or wrong, reads as its default.
pub(crate) struct Section {
    table: &'static Table,
    /// Its name in the file, as `apps.api.ready`.
    pub(crate) path: String,
    /// Its header, or itself if it is inline.
    pub(crate) span: SourceSpan,
    /// Whether it has keys that nobody knows. What is missing then may be there under another name.
    pub(crate) has_strays: bool,
    pub(super) entries: BTreeMap<&'static str, Entry>,
}

impl Section {
    /// A table without keys. `span` is where one would look for it.
    pub(crate) const fn empty(table: &'static Table, path: String, span: SourceSpan) -> Self {
        Self { table, path, span, has_strays: false, entries: BTreeMap::new() }
    }

    /// Whether the key was written, rightly or not.
    pub(crate) fn mentions(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where the key's value is; the table's own place if it was not written.
    pub(crate) fn place(&self, key: &str) -> SourceSpan {
        self.entries.get(key).map_or(self.span, |entry| entry.span)
    }

    /// The key's value, if it was written and right.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        debug_assert!(self.table.key(key).is_some(), "`{key}` is not in the table {:?}", self.table.path);
        self.entries.get(key)?.value.as_ref()
    }

    fn default(&self, key: &str) -> &'static Default {
        self.table.key(key).map_or(&Default::Nothing, |key| &key.default)
    }

    /// A duration, or its default.
    pub(crate) fn duration(&self, key: &str) -> Duration {
        match (self.get(key), self.default(key)) {
            (Some(Value::Duration(given)), _) => *given,
            (_, Default::Duration(default)) => *default,
            _ => Duration::ZERO,
        }
    }

    /// A number or size, or its default.
    pub(crate) fn number(&self, key: &str) -> u64 {
        match (self.get(key), self.default(key)) {
            (Some(Value::Number(given)), _) => *given,
            (_, Default::Number(default) | Default::Size(default)) => *default,
            _ => 0,
        }
    }

    /// A number or size, or its default, for a field of 32 bits; the key tables bound it.
    pub(crate) fn small(&self, key: &str) -> u32 {
        u32::try_from(self.number(key)).unwrap_or(u32::MAX)
    }

    /// A flag, or its default; false if it has none.
    pub(crate) fn flag(&self, key: &str) -> bool {
        match (self.get(key), self.default(key)) {
            (Some(Value::Flag(given)), _) => *given,
            (_, Default::Flag(default)) => *default,
            _ => false,
        }
    }

    /// A text, or its default.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match (self.get(key), self.default(key)) {
            (Some(Value::Text(given)), _) => Some(given),
            (_, Default::Text(default)) => Some(default),
            _ => None,
        }
    }

    /// One of some words, or its default: the variant of that name.
    pub(crate) fn word<'de, T: Deserialize<'de> + std::default::Default>(&'de self, key: &str) -> T {
        let word: Option<StrDeserializer<'de, WordError>> = self.text(key).map(StrDeserializer::new);
        word.and_then(|word| T::deserialize(word).ok()).unwrap_or_default()
    }

    /// A signal, or its default.
    pub(crate) fn signal(&self, key: &str) -> Signal {
        match (self.get(key), self.default(key)) {
            (Some(Value::Signal(given)), _) => *given,
            (_, Default::Text(default)) => default.parse().unwrap_or_default(),
            _ => Signal::default(),
        }
    }

    /// A command.
    pub(crate) fn command(&self, key: &str) -> Option<&CommandText> {
        match self.get(key) {
            Some(Value::Command(command)) => Some(command),
            _ => None,
        }
    }

    /// Environment variables.
    pub(crate) fn env(&self, key: &str) -> &[Variable] {
        match self.get(key) {
            Some(Value::Env(variables)) => variables,
            _ => &[],
        }
    }

    /// Names.
    pub(crate) fn names(&self, key: &str) -> &[Written<String>] {
        match self.get(key) {
            Some(Value::Names(names)) => names,
            _ => &[],
        }
    }

    /// What stands in a list.
    pub(crate) fn list(&self, key: &str) -> &[Written<Value>] {
        match self.get(key) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }

    /// A table, if it was written.
    pub(crate) fn section(&self, key: &str) -> Option<&Self> {
        match self.get(key) {
            Some(Value::Section(section)) => Some(section),
            _ => None,
        }
    }

    /// Tables that may be repeated.
    pub(crate) fn sections(&self, key: &str) -> &[Self] {
        match self.get(key) {
            Some(Value::Sections(sections)) => sections,
            _ => &[],
        }
    }

    /// Tables that the user named, in the order of the file.
    pub(crate) fn named(&self, key: &str) -> &[(Written<String>, Self)] {
        match self.get(key) {
            Some(Value::Named(sections)) => sections,
            _ => &[],
        }
    }
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Section").field("path", &self.path).field("entries", &self.entries).finish()
    }
}
