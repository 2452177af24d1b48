//! `cargo xtask bench`: how fast and how small, with the peers measured in the same run.
//!
//! Each benchmark is one file with a `measure` that returns [`row::Row`]s. Nothing here is a test: figures
//! depend on the machine, so a bound that is missed is shown, not failed. Everything runs on loopback, in
//! private directories that are gone afterwards.

mod candidate;
mod certificate;
mod contest;
mod fleet;
mod flip;
mod gapless;
mod ground;
mod h2load;
mod handshakes;
mod http2;
mod load;
mod logs;
mod lone_proxy;
mod loss;
mod many_apps;
mod memory;
mod node_app;
mod pace;
mod peer_proxy;
mod pm2;
mod process;
mod proxy;
mod recovery;
mod reload;
mod report;
mod respawn;
mod routing;
mod row;
mod start;
mod status;
mod stop;
mod until;
mod upgrade;
mod web;
mod websockets;
mod wrk;

use crate::step::{spoken, step};
use crate::trouble::Trouble;
use ground::Ground;
use row::Row;
use std::time::Instant;

type Measure = fn(&Ground) -> Result<Vec<Row>, Trouble>;

/// The benchmarks in their order in the report.
const ALL: &[(&str, Measure)] = &[
    ("memory", memory::measure),
    ("start", start::measure),
    ("status", status::measure),
    ("stop", stop::measure),
    ("respawn", respawn::measure),
    ("logs", logs::measure),
    ("proxy", proxy::measure),
    ("handshakes", handshakes::measure),
    ("http2", http2::measure),
    ("websockets", websockets::measure),
    ("many-apps", many_apps::measure),
    ("reload", reload::measure),
    ("flip", flip::measure),
    ("loss", loss::measure),
    ("recovery", recovery::measure),
    ("upgrade", upgrade::measure),
];

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Wish<'a> {
    /// Only this benchmark.
    pub(crate) only: Option<&'a str>,
    /// The rows as JSON on stdout instead of a table.
    pub(crate) json: bool,
    /// This binary instead of one built now: to compare with an earlier one.
    pub(crate) binary: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// From the words after `bench`; none if they make no sense.
    pub(crate) fn read(words: &[&'a str]) -> Option<Self> {
        match words {
            [] => Some(Self::default()),
            ["--json", rest @ ..] => Self::read(rest).map(|wish| Self { json: true, ..wish }),
            ["--binary", path, rest @ ..] => Self::read(rest).map(|wish| Self { binary: Some(path), ..wish }),
            ["--only", name, rest @ ..] if ALL.iter().any(|(known, _)| known == name) => {
                Self::read(rest).map(|wish| Self { only: Some(name), ..wish })
            }
            _ => None,
        }
    }
}

/// Measures, and writes `docs/benchmarks.md` if everything was measured with what was built now.
pub(crate) fn run(wish: &Wish<'_>) -> Result<(), Trouble> {
    let began = Instant::now();
    let ground = Ground::prepare(wish.binary)?;
    let mut rows = Vec::new();
    for (name, measure) in ALL.iter().filter(|(name, _)| wish.only.is_none_or(|only| only == *name)) {
        step(name, || {
            rows.extend(measure(&ground)?);
            Ok(())
        })?;
    }
    if wish.json {
        println!("{}", report::json(&rows));
    } else {
        print!("{}", report::table(&rows));
    }
    if wish.only.is_none() && wish.binary.is_none() {
        report::write(&rows, &ground, began.elapsed())?;
    }
    eprintln!("── measured in {}", spoken(began.elapsed()));
    Ok(())
}
