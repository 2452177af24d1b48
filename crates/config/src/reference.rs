//! The reference of the file, for people: made of the key tables.

use crate::document::wanted;
use crate::keys::{Default, Key, Kind, ROOT, Table};
use crate::text::{duration, size};
use std::fmt::Write;

/// The reference of `gapless.toml` in Markdown: every table, every key. The same at every call.
pub fn reference() -> String {
    let mut text = String::from(
        "# gapless.toml\n\nMade by `cargo xtask codegen` of the tables that the parser reads; edit those.\n\n\
         Unknown keys are errors. Durations are written as `\"500ms\"`, `\"30s\"`, `\"1m 30s\"`, `\"2h\"`, \
         `\"7d\"`; sizes as `\"64KiB\"`, `\"10MB\"`. Paths are relative to the directory of the file. \
         `gapless check` validates a file without touching anything.\n",
    );
    table(&mut text, &ROOT, "Top of the file");
    text
}

fn table(text: &mut String, table: &'static Table, title: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\n## {title}\n\n{}\n\n", table.doc);
    let _ = writeln!(text, "| key | takes | default | |\n|---|---|---|---|");
    for key in table.keys {
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", key.name, takes(key), default(key), key.doc);
    }
    for key in table.keys {
        match key.kind {
            Kind::Table(inner) | Kind::Named(inner) => {
                self::table(text, inner, &format!("`[{}]`", inner.path))
            }
            Kind::Tables(inner) => self::table(text, inner, &format!("`[[{}]]`", inner.path)),
            _ => {}
        }
    }
}

fn takes(key: &Key) -> String {
    match &key.kind {
        Kind::Table(inner) => format!("table `[{}]`", inner.path),
        Kind::Named(inner) => format!("tables `[{}]`", inner.path),
        Kind::Tables(inner) => format!("tables `[[{}]]`", inner.path),
        Kind::Word { built, .. } => {
            built.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Flag | Kind::FlagOr { .. } => wanted(&key.kind),
        kind => format!("{}, as `{}`", wanted(kind), key.example),
    }
}

fn default(key: &Key) -> String {
    match &key.default {
        Default::Nothing => "none".into(),
        Default::Required => "required".into(),
        Default::Derived(words) => (*words).into(),
        Default::Text(text) => format!("`\"{text}\"`"),
        Default::Duration(given) => format!("`\"{}\"`", duration::show(*given)),
        Default::Size(bytes) => format!("`\"{}\"`", size::show(*bytes)),
        Default::Number(number) => format!("`{number}`"),
        Default::Flag(flag) => format!("`{flag}`"),
    }
}
