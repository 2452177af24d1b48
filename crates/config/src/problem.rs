//! What is wrong with a file, where, and what would be right.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use std::fmt;
use std::sync::Arc;

/// The text that a problem points into, under the name that the user knows it by.
pub(crate) type Source = Arc<NamedSource<String>>;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    message: String,
    labels: Vec<(SourceSpan, String)>,
    help: Option<String>,
    source: Option<Source>,
}

impl Problem {
    /// Begins with what is wrong, in one sentence without its end.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), labels: Vec::new(), help: None, source: None }
    }

    /// Points at a place and says what is there. The first is the one that the line number is taken from.
    pub(crate) fn at(mut self, span: impl Into<SourceSpan>, label: impl Into<String>) -> Self {
        self.labels.push((span.into(), label.into()));
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says in which text the labels are.
    pub(crate) fn within(mut self, source: &Source) -> Self {
        self.source = Some(Arc::clone(source));
        self
    }

    fn order(&self) -> usize {
        self.labels.first().map_or(0, |(span, _)| span.offset())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() || self.source.is_none() {
            return None;
        }
        let label = |(span, text): &(SourceSpan, String)| {
            LabeledSpan::new_with_span(Some(text.clone()).filter(|text| !text.is_empty()), *span)
        };
        Some(Box::new(self.labels.iter().map(label)))
    }
}

/// Everything that is wrong with a file, in the order of its lines. Never empty.
///
/// With one problem it renders as that problem; with several as a headline and all of them.
#[derive(Debug, Clone)]
pub struct Report {
    name: String,
    problems: Vec<Problem>,
}

impl Report {
    /// A report about one thing.
    pub(crate) fn one(name: impl AsRef<str>, problem: Problem) -> Self {
        Self { name: name.as_ref().to_owned(), problems: vec![problem] }
    }

    /// A report about several; `problems` is not empty.
    pub(crate) fn of(name: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { name: name.into(), problems }
    }

    /// The problems, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => only.fmt(f),
            several => write!(f, "{} problems in {}", several.len(), self.name),
        }
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.problems.as_slice() {
            [_] => None,
            several => Some(Box::new(several.iter().map(|problem| problem as &dyn Diagnostic))),
        }
    }
}

impl Report {
    fn only(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// Collects what is wrong with one file while it is read.
#[derive(Debug)]
pub(crate) struct Problems {
    source: Source,
    found: Vec<Problem>,
}

impl Problems {
    /// Begins on a text.
    pub(crate) fn of(source: Source) -> Self {
        Self { source, found: Vec::new() }
    }

    /// Adds one; its labels are in this file.
    pub(crate) fn add(&mut self, problem: Problem) {
        let problem = problem.within(&self.source);
        self.found.push(problem);
    }

    /// Whether nothing is wrong so far.
    pub(crate) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are so far.
    pub(crate) const fn len(&self) -> usize {
        self.found.len()
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        self.source.inner()
    }

    /// The text under its name.
    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// The value, if nothing was wrong.
    pub(crate) fn unless<T>(mut self, value: Option<T>) -> Result<T, Report> {
        self.found.sort_by_key(Problem::order);
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(Report { name: self.source.name().to_owned(), problems: self.found }),
        }
    }
}
