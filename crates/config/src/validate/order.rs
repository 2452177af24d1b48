//! `after`: the order in which apps are started.

use crate::document::{Section, Written};
use crate::nearest;
use crate::problem::{Problem, Problems};
use gapless_model::{AppName, circles};
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
    let after = steps.iter().map(|(app, before)| (*app, before.iter().map(|b| b.value.as_str()).collect()));
    for circle in circles(&after.collect()) {
        problems.add(circular(&circle, &steps));
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

/// Points at each step of a circle.
fn circular(circle: &[&str], steps: &BTreeMap<&str, Vec<&Written<String>>>) -> Problem {
    let apps: BTreeSet<&str> = circle.iter().copied().collect();
    let mut problem = Problem::new(format!("none of {} can be started first", nearest::listed(apps)));
    for (app, before) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        let written = steps.get(app).into_iter().flatten().find(|written| written.value == **before);
        if let Some(written) = written {
            problem = problem.at(written.span, format!("{app} is started after {before}"));
        }
    }
    problem.help("take one of these out")
}
