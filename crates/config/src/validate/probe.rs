//! Probes.

use super::command;
use crate::document::Section;
use crate::keys::{LIVE, READY, STARTUP, Table};
use crate::nearest;
use crate::problem::{Problem, Problems};
use gapless_model::probe::ProbeKind;
use gapless_model::{AddressMode, ProbeSpec};
use std::time::Duration;

/// The probes of an app.
pub(super) struct Probes {
    pub(super) startup: Option<ProbeSpec>,
    pub(super) ready: ProbeSpec,
    pub(super) live: Option<ProbeSpec>,
    /// From its start until an instance that is not ready has failed.
    pub(super) deadline: Duration,
}

/// Reads the three tables.
pub(super) fn of_app(app: &Section, address: AddressMode, problems: &mut Problems) -> Probes {
    let absent =
        |table: &'static Table, name: &str| Section::empty(table, format!("{}.{name}", app.path), app.span);
    let none = absent(&READY, "ready");
    let ready = app.section("ready").unwrap_or(&none);
    let unsaid = if address == AddressMode::None { ProbeKind::Alive } else { ProbeKind::Tcp };
    let kind = kind(ready, &READY, app, address, problems).unwrap_or(Kinds::Unsaid).or(unsaid);
    Probes {
        startup: other(app, "startup", &STARTUP, address, problems),
        ready: with_rhythm(ready, kind),
        live: other(app, "live", &LIVE, address, problems),
        deadline: ready.duration("deadline"),
    }
}

/// A probe that has to say what it asks.
fn other(
    app: &Section,
    name: &str,
    table: &'static Table,
    address: AddressMode,
    problems: &mut Problems,
) -> Option<ProbeSpec> {
    let section = app.section(name)?;
    match kind(section, table, app, address, problems)? {
        Kinds::Said(kind) => Some(with_rhythm(section, kind)),
        Kinds::Unsaid => {
            if section.has_strays {
                return None;
            }
            let choices = nearest::either(choices(table));
            problems.add(
                Problem::new(format!("[{}] does not say what to ask", section.path))
                    .at(section.span, format!("one of {choices} is missing"))
                    .help("add `path = \"/health\"`, or `tcp = true`"),
            );
            None
        }
    }
}

enum Kinds {
    Said(ProbeKind),
    Unsaid,
}

impl Kinds {
    fn or(self, unsaid: ProbeKind) -> ProbeKind {
        match self {
            Self::Said(kind) => kind,
            Self::Unsaid => unsaid,
        }
    }
}

fn choices(table: &'static Table) -> impl Iterator<Item = &'static str> {
    ["path", "tcp", "command", "notify"].into_iter().filter(|name| table.key(name).is_some())
}

/// What a probe asks. None if that is wrong, which has been said.
fn kind(
    section: &Section,
    table: &'static Table,
    app: &Section,
    address: AddressMode,
    problems: &mut Problems,
) -> Option<Kinds> {
    // `tcp = false` is a choice not taken.
    let taken =
        |name: &&str| section.mentions(name) && (!matches!(*name, "tcp" | "notify") || section.flag(name));
    let taken: Vec<&str> = choices(table).filter(taken).collect();
    let name = match taken.as_slice() {
        [] => return Some(Kinds::Unsaid),
        [only] => *only,
        [first, second, ..] => {
            problems.add(
                Problem::new(format!("[{}] asks two things at once", section.path))
                    .at(section.place(second), format!("and here `{second}`"))
                    .at(section.place(first), format!("here `{first}`"))
                    .help("a probe asks one thing; keep the one that says most about the app"),
            );
            return None;
        }
    };
    if address == AddressMode::None && matches!(name, "path" | "tcp") {
        problems.add(
            Problem::new(format!("[{}] asks an app that has no address", section.path))
                .at(section.place(name), "whom should it ask?")
                .at(app.place("address"), "the app serves no requests")
                .help("use `command = \"…\"`, or leave `address` out"),
        );
        return None;
    }
    Some(Kinds::Said(match name {
        "path" => ProbeKind::Http { path: section.text("path")?.to_owned() },
        "tcp" => ProbeKind::Tcp,
        "notify" => ProbeKind::Notify,
        _ => ProbeKind::Command(command::of_probe(section, problems)?),
    }))
}

fn with_rhythm(section: &Section, kind: ProbeKind) -> ProbeSpec {
    ProbeSpec {
        kind,
        interval: section.duration("interval"),
        timeout: section.duration("timeout"),
        successes: section.small("successes"),
        failures: section.small("failures"),
    }
}
