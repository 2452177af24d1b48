//! The file as a whole.

use super::{admin, app, error_pages, listeners, order, routes, tls};
use crate::config::{Config, Control, Proxy};
use crate::document::{Section, Value, Written};
use crate::keys::PROXY;
use crate::places::{KeyPlace, Places};
use crate::problem::{Problem, Problems};
use camino::Utf8PathBuf;
use gapless_model::trust::Trust;
use gapless_model::{AccessLog, AppName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the file is read in.
pub(crate) struct Surroundings<'a> {
    /// The directory that its paths are relative to; absolute.
    pub(crate) directory: Utf8PathBuf,
    /// The caller's environment, for `pass_env`.
    pub(crate) caller_env: &'a BTreeMap<String, String>,
}

/// The whole configuration. None only if a problem was noted.
pub(crate) fn config(top: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Option<Config> {
    let named = top.named("apps");
    if named.is_empty() && problems.is_empty() {
        let problem = Problem::new("the file names no app");
        problems.add(problem.help(
            "an app is a table with its name and at least a command:\n\n  [apps.api]\n  command = \"node server.js\"",
        ));
    }
    let mut apps = Vec::new();
    let mut placed = Vec::new();
    let mut keys = Vec::new();
    for (name, section) in named {
        keys.extend(judged_elsewhere(name, section));
        let app = app::app(name, section, top.mentions("tls"), around, problems);
        placed.extend(app.routes);
        apps.extend(app.spec);
    }
    order::agree(named, problems);
    routes::distinct(&placed, problems);
    tls::agree(&placed, problems);
    let tls = top.section("tls").map(|section| tls::of_file(section, around, &mut placed, problems));
    listeners::bindable(&placed, problems);
    let places = placed.into_iter().map(|placed| (placed.route, placed.span)).collect();
    let places = Places::new(Arc::clone(problems.source()), places, keys);
    Some(Config {
        apps,
        proxy: top.section("proxy").map(|section| proxy(section, around, problems)),
        admin: top.section("admin").map(|section| admin::of_file(section, around, problems)),
        control: top.section("control").map(control),
        tls,
        places,
    })
}

/// Where an app's keys are whose values only control can judge: it knows the users of the machine and the other apps.
fn judged_elsewhere(name: &Written<String>, section: &Section) -> Vec<KeyPlace> {
    let Ok(app) = name.value.parse::<AppName>() else { return Vec::new() };
    let there = ["user", "group", "after"].into_iter().filter(|key| section.mentions(key));
    there.map(|key| KeyPlace { app: app.clone(), key, span: section.place(key) }).collect()
}

fn control(section: &Section) -> Control {
    let text = |key: &str| section.text(key).map(str::to_owned);
    Control { group: text("group"), readers: text("readers") }
}

fn access_log(section: &Section) -> AccessLog {
    match section.get("access_log") {
        Some(Value::Text(word)) if word == "combined" => AccessLog::Combined,
        Some(Value::Text(_)) => AccessLog::Json,
        _ if section.flag("access_log") => AccessLog::Json,
        _ => AccessLog::Off,
    }
}

fn trust(section: &Section) -> Trust {
    let Some(Value::List(list)) = section.get("trust") else { return Trust::default() };
    let networks = list.iter().filter_map(|written| match written.value {
        Value::Network(network) => Some(network),
        _ => None,
    });
    Trust::new(networks.collect())
}

fn proxy(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Proxy {
    debug_assert!(PROXY.key("workers").is_some());
    let workers = match section.get("workers") {
        Some(Value::Number(_)) => Some(section.small("workers")),
        _ => None,
    };
    Proxy {
        workers,
        access_log: access_log(section),
        trust: trust(section),
        error_pages: error_pages::of(section, around, problems),
    }
}
