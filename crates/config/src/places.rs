//! Where in the file things are that only whoever applies it can judge.

use crate::problem::{Problem, Report, Source};
use gapless_model::AppName;
use gapless_model::route::RouteSpec;
use miette::SourceSpan;

/// The places of a file's routes, and of keys whose values are of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    source: Source,
    routes: Vec<(RouteSpec, SourceSpan)>,
    keys: Vec<KeyPlace>,
}

/// A key in the table of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    pub(crate) app: AppName,
    pub(crate) key: &'static str,
    pub(crate) span: SourceSpan,
}

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(SourceSpan);

impl Places {
    pub(crate) const fn new(
        source: Source,
        routes: Vec<(RouteSpec, SourceSpan)>,
        keys: Vec<KeyPlace>,
    ) -> Self {
        Self { source, routes, keys }
    }

    /// Where a route is, if the file has it.
    pub fn of_route(&self, route: &RouteSpec) -> Option<Place> {
        self.routes.iter().find(|(known, _)| known == route).map(|(_, span)| Place(*span))
    }

    /// Where a key of an app is, if the file has it and it is one that only who applies it can judge.
    pub fn of_key(&self, app: &AppName, key: &str) -> Option<Place> {
        self.keys.iter().find(|known| known.app == *app && known.key == key).map(|known| Place(known.span))
    }

    /// What was said against the thing at a place of ours, as a report that points there.
    pub fn refused(&self, place: Place, message: &str, help: Option<&str>) -> Report {
        let problem = Problem::new(message).at(place.0, "wanted here").within(&self.source);
        let problem = match help {
            Some(help) => problem.help(help),
            None => problem,
        };
        Report::one(self.source.name(), problem)
    }
}
