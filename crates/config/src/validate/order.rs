//! `after`: the order in which apps are started.

use crate::document::{Section, Written};
use crate::nearest;
use crate::problem::{Problem, Problems};
use gapless_model::AppName;
use miette::SourceSpan;
use std::collections::{BTreeMap, BTreeSet};

/// The apps that an app is started after.
pub(super) fn of_app(section: &Section) -> Vec<AppName> {
    section.names("after").iter().filter_map(|name| name.value.parse().ok()).collect()
}

/// That the apps named are apps of the file, each once, and that one of them can be the first.
pub(super) fn agree(named: &[(Written<String>, Section)], problems: &mut Problems) {
    let mut steps: BTreeMap<&str, Vec<&Written<String>>> = BTreeMap::new();
    for (app, section) in named {
        let mut seen: BTreeMap<&str, SourceSpan> = BTreeMap::new();
        for before in section.names("after") {
            let first = seen.insert(&before.value, before.span);
            let problem = if before.value == app.value {
                Some(
                    Problem::new(format!("{} cannot be started after itself", app.value)).at(before.span, ""),
                )
            } else if let Some(first) = first {
                let twice = format!("`after` in [apps.{}] names {} twice", app.value, before.value);
                Some(Problem::new(twice).at(before.span, "again").at(first, "named before"))
            } else if named.iter().any(|(other, _)| other.value == before.value) {
                steps.entry(&app.value).or_default().push(before);
                None
            } else {
                Some(unknown(&app.value, before, named))
            };
            if let Some(problem) = problem {
                problems.add(problem);
            }
        }
    }
    let mut walk = Walk { steps, way: Vec::new(), done: BTreeSet::new(), circles: Vec::new() };
    for (app, _) in named {
        walk.from(&app.value);
    }
    for circle in walk.circles {
        problems.add(circular(&circle));
    }
}

fn unknown(app: &str, before: &Written<String>, named: &[(Written<String>, Section)]) -> Problem {
    let problem =
        Problem::new(format!("{app} is started after {:?}, which is no app of this file", before.value))
            .at(before.span, "");
    let others = || named.iter().map(|(other, _)| other.value.as_str()).filter(|other| *other != app);
    match nearest::of(&before.value, others()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if others().next().is_none() => problem.help("the file has no other app"),
        None => problem.help(format!("it can be {}", nearest::either(others()))),
    }
}

/// From whom to whom, and where that is written.
type Step<'a> = (&'a str, &'a Written<String>);

fn circular(circle: &[Step<'_>]) -> Problem {
    let apps: BTreeSet<&str> = circle.iter().map(|(app, _)| *app).collect();
    let problem = Problem::new(format!("none of {} can be started first", nearest::listed(apps)));
    let label = |problem: Problem, (app, before): &Step<'_>| {
        problem.at(before.span, format!("{app} is started after {}", before.value))
    };
    circle.iter().fold(problem, label).help("take one of these out")
}

/// From app to app, each behind the one that it is after.
struct Walk<'a> {
    steps: BTreeMap<&'a str, Vec<&'a Written<String>>>,
    way: Vec<Step<'a>>,
    done: BTreeSet<&'a str>,
    circles: Vec<Vec<Step<'a>>>,
}

impl<'a> Walk<'a> {
    fn from(&mut self, app: &'a str) {
        if self.done.contains(app) {
            return;
        }
        for before in self.steps.get(app).cloned().unwrap_or_default() {
            self.way.push((app, before));
            match self.way.iter().position(|(earlier, _)| *earlier == before.value) {
                Some(begin) => self.note(begin),
                None => self.from(&before.value),
            }
            self.way.pop();
        }
        self.done.insert(app);
    }

    /// What begins there on the way is a circle. One is said of each app.
    fn note(&mut self, begin: usize) {
        let circle = &self.way[begin..];
        let known = |app: &str| self.circles.iter().flatten().any(|(other, _)| *other == app);
        if !circle.iter().any(|(app, _)| known(app)) {
            self.circles.push(circle.to_vec());
        }
    }
}
