//! Values of the wrong type: what is wanted, what is there, and how to write it.

use super::section::Written;
use super::value;
use crate::keys::{Key, Kind};
use crate::nearest;
use crate::problem::Problem;
use crate::text::{Unfit, cores, duration, size};
use miette::SourceSpan;
use toml::Spanned;
use toml::de::DeValue;

/// A key and its table, as the beginning of a sentence.
pub(super) fn key(name: &str, path: &str) -> String {
    match path {
        "" => format!("`{name}`"),
        path => format!("`{name}` in [{path}]"),
    }
}

/// Least and most of a number.
pub(super) const fn bounds(kind: &Kind) -> (u64, u64) {
    match kind {
        Kind::Number { min, max } => (*min, *max),
        // More would be a slip of the keyboard; a process each is a lot already.
        _ => (1, 10_000),
    }
}

/// A number that is too small or too large.
pub(super) fn out_of_bounds(key: &Key, path: &str, span: SourceSpan, found: &str) -> Problem {
    let (min, max) = bounds(&key.kind);
    let problem = Problem::new(format!("{} cannot be {found}", self::key(key.name, path))).at(span, "");
    match key.name {
        "instances" => problem.help(format!(
            "it takes a number from {min} to {max}, or `\"max\"`; to stop an app, use `gapless stop`"
        )),
        _ => problem.help(format!("it takes {}", wanted(&key.kind))),
    }
}

/// A number where a duration, a size or an address is wanted.
pub(super) fn unitless(kind: &Kind, found: &DeValue<'_>) -> Option<Unfit> {
    let number = match found {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        _ => return None,
    };
    match kind {
        Kind::Duration { .. } => Some(duration::unitless(&number)),
        Kind::Size => Some(size::unitless(&number)),
        Kind::Listen => Some(Unfit::new(
            format!("cannot be {number}: that is no address to listen on"),
            format!("write `\"127.0.0.1:{number}\"` for this machine only, or `\":{number}\"` for everyone"),
        )),
        _ => None,
    }
}

/// A value of another type than its key takes.
pub(super) fn kind(text: &str, key: &Key, path: &str, read: &Spanned<DeValue<'_>>) -> Problem {
    let wanted = wanted(&key.kind);
    Problem::new(format!("{} takes {wanted}", self::key(key.name, path)))
        .at(read.span(), format!("this is {}", found(read.get_ref())))
        .help(help(text, key, path, read))
}

/// An element of a list.
pub(super) fn item(text: &str, key: &Key, path: &str, read: &Spanned<DeValue<'_>>) -> Problem {
    let problem = Problem::new(format!("{} takes {}", self::key(key.name, path), wanted(&key.kind)))
        .at(read.span(), format!("this is {}", found(read.get_ref())));
    match (&key.kind, quoted(text, read)) {
        (Kind::Tables(_), _) => {
            problem.help(format!("write `[[{path}.{}]]` on a line of its own, and its keys below", key.name))
        }
        (_, Some(quoted)) => problem.help(format!("write `{quoted}`")),
        (_, None) => problem.help(format!("write it as `{}`", key.example)),
    }
}

/// A value of an environment variable.
pub(super) fn variable(text: &str, path: &str, name: &str, read: &Spanned<DeValue<'_>>) -> Problem {
    let problem = Problem::new(format!("the environment variable {name} in [{path}] takes a text"))
        .at(read.span(), format!("this is {}", found(read.get_ref())));
    match quoted(text, read) {
        Some(quoted) => problem.help(format!("write `{name} = {quoted}`")),
        None => problem.help("write its value in quotes"),
    }
}

/// A table that the user named, and that is none.
pub(super) fn named(text: &str, path: &str, name: &Written<String>, read: &Spanned<DeValue<'_>>) -> Problem {
    let problem = Problem::new(format!("[{path}] is an app, and takes a table"))
        .at(read.span(), format!("this is {}", found(read.get_ref())));
    let slice = text.get(read.span()).unwrap_or_default();
    match read.get_ref() {
        DeValue::String(_) => problem.help(format!("write `{} = {{ command = {slice} }}`", name.value)),
        _ => problem.help(format!("write `[{path}]` on a line of its own, and its keys below")),
    }
}

/// What a key takes.
pub(crate) fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::File => "a path in quotes".into(),
        Kind::Flag => "`true` or `false`".into(),
        Kind::FlagOr { words } => {
            let words = words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or ");
            format!("`true`, `false`, {words}")
        }
        Kind::Number { min, max } => format!("a number from {min} to {max}"),
        Kind::Cores => "a number of cores, as `1.5`".into(),
        Kind::Instances => "a number of at least 1, or `\"max\"`".into(),
        Kind::Duration { .. } => "a duration with its unit, in quotes".into(),
        Kind::Size => "a size with its unit, in quotes".into(),
        Kind::Word { built, .. } => match built {
            [only] => format!("the word `\"{only}\"`"),
            several => nearest::either(several.iter().copied()),
        },
        Kind::Signal => "the name of a signal, in quotes".into(),
        Kind::Command => "a command: a line in quotes, or a list of words".into(),
        Kind::Listen => "an address in quotes".into(),
        Kind::Host => "a host in quotes".into(),
        Kind::Cookie => "a name in quotes".into(),
        Kind::Network => "a network in quotes".into(),
        Kind::Text => "a text in quotes".into(),
        Kind::Prefix | Kind::Target => "a path in quotes".into(),
        Kind::Env => "names and texts".into(),
        Kind::Names => "a list of names".into(),
        Kind::Table(_) | Kind::Named(_) => "a table".into(),
        Kind::Url => "a URL in quotes".into(),
        Kind::Email => "an address of mail in quotes".into(),
        Kind::List(kind) => match wanted(kind).strip_suffix(" in quotes") {
            Some(one) => format!("a list, each {one} in quotes"),
            None => format!("a list of {}", wanted(kind)),
        },
        Kind::Tables(_) => "a list of tables".into(),
    }
}

const fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn help(text: &str, key: &Key, path: &str, read: &Spanned<DeValue<'_>>) -> String {
    let name = key.name;
    match (&key.kind, read.get_ref()) {
        (Kind::Tables(_), DeValue::Table(_)) => {
            format!("write `[[{path}.{name}]]`, with two brackets: there may be several")
        }
        (Kind::Table(_) | Kind::Tables(_) | Kind::Named(_), _) => {
            let header = if path.is_empty() { key.example.to_owned() } else { format!("[{path}.{name}]") };
            let header = if matches!(key.kind, Kind::Tables(_)) { format!("[{header}]") } else { header };
            format!("write `{header}` on a line of its own, and its keys below")
        }
        (Kind::Names | Kind::List(_), DeValue::String(one)) => {
            format!("write `{name} = [{:?}]`", one.as_ref())
        }
        (Kind::Flag, DeValue::String(flag)) if matches!(flag.as_ref(), "true" | "false") => {
            format!("write `{name} = {flag}`, without quotes")
        }
        (Kind::Cores, DeValue::String(number)) if cores::parse(number).is_ok() => {
            format!("write `{name} = {number}`, without quotes")
        }
        (Kind::Number { .. } | Kind::Instances, DeValue::String(number)) if number.parse::<u32>().is_ok() => {
            format!("write `{name} = {number}`, without quotes")
        }
        (Kind::Command, _) => format!("write it as `{name} = {}`", key.example),
        (kind, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
            match quoted(text, read)
                .filter(|q| matches!(value::of_text(kind, q.trim_matches('"')), Some(Ok(_))))
            {
                Some(quoted) => format!("write `{name} = {quoted}`"),
                None => format!("write it as `{name} = {}`", key.example),
            }
        }
        _ => format!("write it as `{name} = {}`", key.example),
    }
}

/// A scalar as it stands in the file, in quotes.
fn quoted(text: &str, read: &Spanned<DeValue<'_>>) -> Option<String> {
    match read.get_ref() {
        DeValue::Array(_) | DeValue::Table(_) | DeValue::String(_) => None,
        _ => Some(format!("\"{}\"", text.get(read.span())?)),
    }
}
