//! Routes: those of one app, and those of all beside each other.

use super::tls;
use crate::document::{Section, Value, Written};
use crate::problem::{Problem, Problems};
use gapless_model::AddressMode;
use gapless_model::route::RouteSpec;
use miette::SourceSpan;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

/// A route and the place that it comes from.
#[derive(Debug)]
pub(super) struct Placed {
    /// Whose.
    pub(super) app: String,
    /// The route.
    pub(super) route: RouteSpec,
    /// Where its listener is written, or the port that it was made of.
    pub(super) span: SourceSpan,
}

/// The routes of an app: as written, else one on the app's own port.
pub(super) fn of_app(
    app: &str,
    section: &Section,
    port: Option<&Written<u16>>,
    address: AddressMode,
    tls: bool,
    problems: &mut Problems,
) -> Vec<Placed> {
    if section.mentions("routes") && address == AddressMode::None {
        problems.add(
            Problem::new(format!("[{}] has routes, but serves no requests", section.path))
                .at(section.place("address"), "nobody will be told where it listens")
                .at(section.place("routes"), "requests would come by here")
                .help("leave `address` out, or the routes"),
        );
        return Vec::new();
    }
    let own = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port.value)));
    if !section.mentions("routes") {
        let listen = own.filter(|_| address != AddressMode::None);
        let route = listen.map(|listen| RouteSpec { listen, host: None, path: "/".into(), tls: false });
        let span = port.map_or(section.span, |port| port.span);
        return route.map(|route| Placed { app: app.to_owned(), route, span }).into_iter().collect();
    }
    let mut placed = Vec::new();
    for written in section.sections("routes") {
        let (listen, span) = match written.get("listen") {
            Some(Value::Listen(listen)) => (*listen, written.place("listen")),
            _ if written.mentions("listen") => continue,
            _ => match own {
                Some(own) => (own, written.span),
                None => {
                    problems.add(
                        Problem::new(format!("a route of [{}] does not say where it listens", section.path))
                            .at(written.span, "`listen` is missing")
                            .help("add `listen = \"127.0.0.1:8080\"`"),
                    );
                    continue;
                }
            },
        };
        // One that is wrong must not turn into one for every host, in the way of others.
        if written.mentions("host") && written.get("host").is_none() {
            continue;
        }
        let host = match written.get("host") {
            Some(Value::Host(host)) => Some(host.clone()),
            _ => None,
        };
        if written.mentions("path") && written.get("path").is_none() {
            continue;
        }
        let path = written.text("path").unwrap_or("/").to_owned();
        let tls = tls::of_route(written, listen, tls, problems);
        placed.push(Placed { app: app.to_owned(), route: RouteSpec { listen, host, path, tls }, span });
    }
    placed
}

/// No two routes may take the same requests.
pub(super) fn distinct(placed: &[Placed], problems: &mut Problems) {
    let mut taken: HashMap<&RouteSpec, &Placed> = HashMap::new();
    for next in placed {
        let Some(first) = taken.get(&next.route) else {
            taken.insert(&next.route, next);
            continue;
        };
        let problem = if first.app == next.app {
            Problem::new(format!("the route {} of {} is there twice", next.route, next.app))
                .at(next.span, "the second")
                .at(first.span, "the first")
                .help("leave one of them out")
        } else {
            Problem::new(format!("{} and {} are on the same route {}", first.app, next.app, next.route))
                .at(next.span, format!("{} is here", next.app))
                .at(first.span, format!("{} is here", first.app))
                .help("give one of them another `listen`, or tell them apart by `host` or `path`")
        };
        problems.add(problem);
    }
}
