//! One value, read as what its key takes.

use super::section::{Section, Variable, Written};
use super::wrong::wanted;
use crate::keys::Kind;
use crate::nearest;
use crate::text::{Unfit, cookie, duration, listen, network, size, url};
use gapless_model::Signal;
use gapless_model::route::HostPattern;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

/// A value that is right by itself. What it means together with others is for `validate`.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    Flag(bool),
    /// A number, a size in bytes, or thousandths of a core.
    Number(u64),
    /// As many as there are cores.
    Max,
    Duration(Duration),
    Signal(Signal),
    Command(CommandText),
    Listen(SocketAddr),
    Host(HostPattern),
    Network(IpNet),
    Env(Vec<Variable>),
    Names(Vec<Written<String>>),
    List(Vec<Written<Value>>),
    Section(Box<Section>),
    Sections(Vec<Section>),
    Named(Vec<(Written<String>, Section)>),
}

/// A command as it was written.
#[derive(Debug, Clone)]
pub(crate) enum CommandText {
    /// A line, yet to be split.
    Line(String),
    /// Words.
    Words(Vec<String>),
}

/// A text as the scalar that `kind` takes; none if `kind` takes no text at all.
pub(super) fn of_text(kind: &Kind, text: &str) -> Option<Result<Value, Unfit>> {
    Some(match kind {
        Kind::File if text.is_empty() => Err(Unfit::new("is empty", "write a path, or leave the key out")),
        Kind::File => plain(text).map(Value::Text),
        Kind::FlagOr { words } if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::FlagOr { .. } if matches!(text, "true" | "false") => {
            Err(Unfit::new(format!("cannot be {text:?}"), format!("write `{text}`, without quotes")))
        }
        Kind::FlagOr { .. } => {
            Err(Unfit::new(format!("cannot be {text:?}"), format!("it takes {}", wanted(kind))))
        }
        Kind::Instances if text == "max" => Ok(Value::Max),
        Kind::Duration { min } => duration::parse(text, *min).map(Value::Duration),
        Kind::Size => size::parse(text).map(Value::Number),
        Kind::Word { built, later } => word(text, built, later).map(Value::Text),
        Kind::Signal => signal(text).map(Value::Signal),
        Kind::Command => plain(text).map(|line| Value::Command(CommandText::Line(line))),
        Kind::Listen => listen::parse(text).map(Value::Listen),
        Kind::Host => url::host(text).map(Value::Host),
        Kind::Cookie => cookie::parse(text).map(Value::Text),
        Kind::Network => network::parse(text).map(Value::Network),
        Kind::Prefix => url::prefix(text).map(Value::Text),
        Kind::Text if text.is_empty() => Err(Unfit::new("is empty", "write a text, or leave the key out")),
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::Target => url::target(text).map(Value::Text),
        Kind::Url => url::https(text).map(Value::Text),
        Kind::Email => url::email(text).map(Value::Text),
        _ => return None,
    })
}

/// Text that the system can take: NUL ends strings in every call (`execve(2)`).
pub(super) fn plain(text: &str) -> Result<String, Unfit> {
    if text.contains('\0') {
        return Err(Unfit::new("contains a NUL byte", "leave out the \\u0000"));
    }
    Ok(text.to_owned())
}

fn word(text: &str, built: &[&str], later: &[&str]) -> Result<String, Unfit> {
    if built.contains(&text) {
        return Ok(text.to_owned());
    }
    if later.contains(&text) {
        let today = nearest::listed(built.iter().copied());
        return Err(Unfit::new(format!("cannot be `{text}` yet"), format!("what is built today is {today}")));
    }
    let what = format!("cannot be `{text}`");
    let all = nearest::either(built.iter().copied());
    Err(match nearest::of(text, built.iter().copied()) {
        Some(near) if built.len() == 1 => Unfit::new(what, format!("did you mean `{near}`?")),
        Some(near) => Unfit::new(what, format!("did you mean `{near}`? It takes {all}")),
        None => Unfit::new(what, format!("it takes {all}")),
    })
}

fn signal(text: &str) -> Result<Signal, Unfit> {
    text.parse().map_err(|_| {
        let names = || Signal::ALL.iter().map(|signal| signal.name());
        let full = format!("SIG{}", text.to_uppercase().trim_start_matches("SIG"));
        let all = nearest::either(names());
        let help = match nearest::of(&full, names()) {
            Some(near) => format!("did you mean `{near}`? It takes {all}"),
            None => format!("it takes {all}"),
        };
        Unfit::new(format!("cannot be {text:?}: that is no signal that asks a process to stop"), help)
    })
}
