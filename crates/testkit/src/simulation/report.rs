//! What came of a scenario.

use super::point::Point;
use gapless_model::{AppName, Receipt, ReleaseId};
use std::collections::BTreeMap;
use std::fmt;

/// What came of a scenario.
#[derive(Debug, Default)]
pub struct Report {
    /// Every promise that was broken.
    pub violations: Vec<Violation>,
    /// Receipts of all rollouts, in the order in which they ended.
    pub receipts: Vec<Receipt>,
    /// Control's steps from when all apps served: inputs taken and orders carried out.
    pub steps: u64,
    /// Where control could have been killed from when all apps served, in order: every write and every effect.
    pub points: Vec<Point>,
    /// How each app stands when it is over.
    pub ends: BTreeMap<AppName, End>,
    /// How often control was begun.
    pub controls: u64,
    /// Requests answered.
    pub served: u64,
    /// Requests that were sent to instances while more than one proxy did so.
    pub sent_beside: u64,
    /// How long it took, in virtual milliseconds.
    pub took: u64,
    /// What happened, line by line, if `SIMULATION_TRACE` is set.
    pub trace: Vec<String>,
}

/// How an app stands when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What it is on.
    pub release: Option<ReleaseId>,
    /// The releases of the processes that run, one for each.
    pub running: Vec<ReleaseId>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When, in virtual milliseconds.
    pub at: u64,
    /// Which.
    pub what: Broken,
}

/// A promise that was broken, with what broke it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Broken {
    StoppedWhileRouted { instance: String },
    StoppedAtWork { instance: String, requests: u32 },
    StoppedUnwritten { instance: String },
    RoutedToTheUnready { instance: String },
    RoutedToTheLeaving { instance: String },
    RequestLost { app: String, why: &'static str },
    TooFewServe { app: String, worker: usize, serving: usize, floor: usize },
    TooManyRun { app: String, running: usize, allowed: usize },
    TwoSidesServe { app: String, generation: u64 },
    TwoReleasesAtOnce { starts: String, beside: String },
    StartedTwice { instance: String },
    StartedBefore { instance: String, other: String },
    StrayEnded { pid: u32 },
    NumberReused { instance: String },
    GenerationReused { generation: u64 },
    Spins { wake: u64 },
    WaitsForNothing { app: String },
    WrongReceipt { rollout: u64, counted: u64, served: u64 },
    WrongOutcome { rollout: u64, said: String },
    Unsettled { app: String, why: String },
    Forgotten { what: String },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ms: {:?}", self.at, self.what)
    }
}
