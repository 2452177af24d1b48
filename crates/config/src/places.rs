//! Where in the file things are that only whoever applies it can judge.

use crate::problem::{Problem, Report, Source};
use gapless_model::route::RouteSpec;
use miette::SourceSpan;

/// The places of a file's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    source: Source,
    routes: Vec<(RouteSpec, SourceSpan)>,
}

impl Places {
    pub(crate) const fn new(source: Source, routes: Vec<(RouteSpec, SourceSpan)>) -> Self {
        Self { source, routes }
    }

    /// What was said against one of the routes, as a report that points at it. None if the file does not have
    /// that route.
    pub fn refused(&self, route: &RouteSpec, message: &str, help: Option<&str>) -> Option<Report> {
        let (_, span) = self.routes.iter().find(|(known, _)| known == route)?;
        let problem = Problem::new(message).at(*span, "wanted here").within(&self.source);
        let problem = match help {
            Some(help) => problem.help(help),
            None => problem,
        };
        Some(Report::one(self.source.name(), problem))
    }
}
