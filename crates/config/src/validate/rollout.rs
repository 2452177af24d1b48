//! How a new release replaces the old one.

use super::command;
use crate::document::{Section, Value};
use crate::problem::{Problem, Problems};
use gapless_model::Strategy;
use gapless_model::app::{RolloutSpec, VerifyCheck, VerifySpec};

/// Reads the table. `routed`: whether the app serves requests.
pub(super) fn of_app(section: &Section, routed: bool, problems: &mut Problems) -> RolloutSpec {
    let spec = RolloutSpec {
        strategy: section.word("strategy"),
        max_surge: section.small("max_surge"),
        max_unavailable: section.small("max_unavailable"),
        bake: section.duration("bake"),
        verify: section.section("verify").and_then(|section| verify(section, problems)),
        preview: match section.get("preview") {
            Some(Value::Listen(address)) => Some(*address),
            _ => None,
        },
        autopromote: section.flag("autopromote"),
        promote_deadline: section.duration("promote_deadline"),
    };
    if spec.strategy == Strategy::BlueGreen && !routed {
        let problem = Problem::new(format!("[{}] has nothing to turn", section.path));
        problems.add(
            problem
                .at(section.place("strategy"), "this turns requests from one release to the other")
                .help("the app serves no requests: give it a route, or use `rolling`"),
        );
    }
    if let Some(preview) = spec.preview.filter(|preview| !preview.ip().is_loopback()) {
        let problem = Problem::new(format!("[{}] would show strangers what is not public", section.path));
        problems.add(problem.at(section.place("preview"), "others than this machine can reach this").help(
            format!("use \"127.0.0.1:{}\"; from elsewhere a request asks by its header", preview.port()),
        ));
    }
    if spec.max_surge == 0 && spec.max_unavailable == 0 {
        let problem =
            Problem::new(format!("[{}] leaves a rollout no room: it could never move", section.path))
                .at(section.place("max_surge"), "no instance more");
        let problem = if section.mentions("max_unavailable") {
            problem.at(section.place("max_unavailable"), "and none less")
        } else {
            problem
        };
        problems.add(problem.help(
            "`max_surge = 1` starts a new instance before it stops an old one; `max_unavailable = 1` (0 by \
             default) stops an old one first",
        ));
    }
    spec
}

fn verify(section: &Section, problems: &mut Problems) -> Option<VerifySpec> {
    let command =
        if section.mentions("command") { Some(command::of_probe(section, problems)?) } else { None };
    let checks: Option<Vec<_>> = section.sections("checks").iter().map(|s| check(s, problems)).collect();
    let checks = checks?;
    if command.is_none() && checks.is_empty() && !section.mentions("checks") && !section.has_strays {
        let problem = Problem::new(format!("[{}] asks for nothing", section.path));
        problems.add(
            problem
                .at(section.span, "`command` or `checks` is missing")
                .help("add `checks = [{ path = \"/health\" }]`, or `command = \"…\"`"),
        );
        return None;
    }
    Some(VerifySpec { checks, command, timeout: section.duration("timeout") })
}

fn check(section: &Section, problems: &mut Problems) -> Option<VerifyCheck> {
    if !section.mentions("path") {
        let problem = Problem::new(format!("a check of [{}] does not say what to ask for", section.path));
        problems.add(problem.at(section.span, "`path` is missing").help("add `path = \"/health\"`"));
        return None;
    }
    Some(VerifyCheck {
        path: section.text("path")?.to_owned(),
        status: u16::try_from(section.number("status")).unwrap_or(200),
        contains: section.text("contains").map(str::to_owned),
    })
}
