//! Kills control at each point of a story in turn, and holds the end against that of the story as it is.

use gapless_model::{AppName, Outcome};
use gapless_testkit::simulation::point::{Effect, Place, Point};
use gapless_testkit::simulation::scenario::{Act, AppShape};
use gapless_testkit::simulation::{End, Report, Scenario, run};
use std::collections::BTreeMap;

/// How long control is away: hardly, and the next one is killed as well as soon as it has begun to write, half way
/// through taking things up; or until some of what goes on meanwhile is over.
const AWAY: [(u64, bool); 2] = [(1, true), (400, false)];

/// What a user was not told yet may be lost with control. They are told when the journal has it.
const TOLD_WITHIN: u64 = 20;

/// How often each kind of place was struck.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Before, in, and after each write of the journal.
    pub(crate) writes: [usize; 3],
    /// Before and after each effect, by its kind.
    pub(crate) effects: BTreeMap<Effect, [usize; 2]>,
}

impl Tally {
    fn count(&mut self, place: Place) {
        match place {
            Place::BeforeWrite => self.writes[0] += 1,
            Place::InWrite => self.writes[1] += 1,
            Place::AfterWrite => self.writes[2] += 1,
            Place::Before(effect) => self.effects.entry(effect).or_default()[0] += 1,
            Place::After(effect) => self.effects.entry(effect).or_default()[1] += 1,
        }
    }

    /// How many points those are.
    pub(crate) fn points(&self) -> usize {
        self.writes.iter().sum::<usize>() + self.effects.values().flatten().sum::<usize>()
    }
}

/// What a story comes to.
type Outline = (Vec<&'static str>, BTreeMap<AppName, End>);

fn outline(report: &Report) -> Outline {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Completed => "completed",
        Outcome::Aborted { .. } => "aborted",
        Outcome::Failed { .. } => "failed",
    };
    (report.receipts.iter().map(|r| word(&r.outcome)).collect(), report.ends.clone())
}

/// Strikes the story of some apps at every point, and says which those were.
///
/// # Panics
/// If a promise is broken by it, or the story ends otherwise than it would have: all that was promised to the user
/// before is held, and what comes when control is there again is done.
pub(crate) fn everywhere(apps: &[AppShape], script: &[(u64, Act)], outcomes: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for (away, twice) in AWAY {
        let whole = Scenario {
            seed: 7,
            apps: apps.to_vec(),
            workers: 2,
            script: script.to_vec(),
            kills: Vec::new(),
            strikes: Vec::new(),
            away,
            sabotage: None,
        };
        let report = run(&whole);
        assert_eq!(report.violations, [], "{whole:?}");
        let expected = outline(&report);
        assert_eq!(expected.0[apps.len()..], *outcomes, "{:?}", report.receipts);
        for (at, point) in report.points.iter().enumerate() {
            tally.count(point.place);
            if at > 0 && point.is_as(&report.points[at - 1]) {
                continue;
            }
            let strikes = if twice { vec![at + 1, at + 3] } else { vec![at + 1] };
            let struck = Scenario { strikes, ..whole.clone() };
            let report = run(&struck);
            assert_eq!(report.violations, [], "at {point:?}: {struck:?}\n{}", report.trace.join("\n"));
            assert!(report.controls > struck.strikes.len() as u64, "at {point:?}: {struck:?}");
            if !is_excused(*point, &struck) {
                assert_eq!(outline(&report), expected, "at {point:?}: {struck:?}");
            }
        }
    }
    tally
}

/// Whether a command of the script may have been lost: control died of it before its user was told that it is done,
/// or was not there.
fn is_excused(point: Point, struck: &Scenario) -> bool {
    let away = struck.away * struck.strikes.len() as u64;
    let (from, to) = (point.at.saturating_sub(TOLD_WITHIN), point.at + away + TOLD_WITHIN);
    struck.script.iter().any(|(at, _)| (from..=to).contains(at))
}
