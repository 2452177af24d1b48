//! One app.

use super::routes::Placed;
use super::whole::Surroundings;
use super::{command, directory, environment, error_pages, probe, process, routes, secrets, settings};
use crate::document::{Section, Value, Written};
use crate::problem::{Problem, Problems};
use gapless_model::route::RouteSpec;
use gapless_model::{AddressMode, AppName, AppSettings, AppSpec, CommandLine, ReleaseSpec};

/// What became of one table `[apps.NAME]`.
pub(super) struct App {
    /// The app; none if it cannot be one, which has been said.
    pub(super) spec: Option<AppSpec>,
    /// Its routes, also if the rest of it is wrong: they may be in the way of another's.
    pub(super) routes: Vec<Placed>,
}

/// Reads one app; `tls` is whether the file says by what TLS is spoken.
pub(super) fn app(
    name: &Written<String>,
    section: &Section,
    tls: bool,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> App {
    let parsed: Option<AppName> = match name.value.parse() {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            problems.add(bad_name(name, &error));
            None
        }
    };
    let port = own_port(section);
    let command = command::of_app(section, problems);
    let address = address(section, port.is_some(), command.as_ref());
    let mut routes = routes::of_app(&name.value, section, port.as_ref(), address, tls, problems);
    let cwd = directory::of_app(section, around, problems);
    let env = environment::of_app(section, port.as_ref(), around, problems);
    let secrets = secrets::of_app(section, &env, around, problems);
    let process = process::of_app(section, problems);
    let probes = probe::of_app(section, address, problems);
    let stop = settings::stop(section);
    let error_pages = error_pages::of(section, around, problems);
    let routed = routes.iter().map(|r| r.route.clone()).collect();
    let settings = AppSettings { error_pages, ..settings::of_app(section, routed, problems) };
    // Where previews are reached is taken, as far as others are concerned.
    routes.extend(settings.rollout.preview.map(|listen| Placed {
        app: name.value.clone(),
        route: RouteSpec { listen, host: None, path: "/".into(), tls: false },
        span: section.section("rollout").map_or(section.span, |rollout| rollout.place("preview")),
    }));
    let spec = || {
        Some(AppSpec {
            name: parsed?,
            release: ReleaseSpec {
                command: command?,
                cwd,
                port: port.map(|port| port.value),
                address,
                protocol: section.word("protocol"),
                env,
                secrets,
                process,
                startup: probes.startup,
                ready: probes.ready,
                start_deadline: probes.deadline,
                live: probes.live,
                stop,
            },
            settings,
        })
    };
    App { spec: spec(), routes }
}

/// The port that the app asks for: as declared, else as its `env` tells it.
fn own_port(section: &Section) -> Option<Written<u16>> {
    if section.mentions("port") {
        let Some(Value::Number(port)) = section.get("port") else { return None };
        return u16::try_from(*port).ok().map(|value| Written { value, span: section.place("port") });
    }
    let told = section.env("env").iter().find(|variable| variable.name.value == "PORT")?;
    let port = told.value.value.parse().ok().filter(|port| *port > 0)?;
    Some(Written { value: port, span: told.value.span })
}

/// The address mode as written; else none for an app that nothing suggests to serve requests.
fn address(section: &Section, port: bool, command: Option<&CommandLine>) -> AddressMode {
    if section.mentions("address") {
        return section.word("address");
    }
    let told = command.is_some_and(|command| {
        command.argv().iter().any(|word| word.contains("{port}") || word.contains("{socket}"))
    });
    let asked = ["startup", "ready", "live"]
        .iter()
        .filter_map(|probe| section.section(probe))
        .any(|probe| probe.mentions("path") || probe.flag("tcp"));
    if port || section.mentions("port") || section.mentions("routes") || told || asked {
        AddressMode::Auto
    } else {
        AddressMode::None
    }
}

fn bad_name(name: &Written<String>, error: &gapless_model::ids::BadName) -> Problem {
    let mut plain: String = name
        .value
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .collect();
    plain = plain.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    plain.truncate(AppName::MAX);
    let problem =
        Problem::new(format!("{:?} is no {}", error.text, error.what)).at(name.span, error.rule.to_owned());
    match plain.parse::<AppName>() {
        Ok(fits) => problem.help(format!("write `[apps.{fits}]`")),
        Err(_) => problem.help("write a name as `[apps.api]`"),
    }
}
