//! What is no TOML at all.

use crate::problem::Problem;
use std::ops::Range;

/// The errors of the TOML parser: every duplicate, and the first of the others, as the rest of those mostly
/// follow from it.
pub(super) fn problems(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let (duplicates, others): (Vec<_>, Vec<_>) =
        errors.iter().partition(|error| error.message().starts_with("duplicate key"));
    let duplicates = duplicates.into_iter().map(|error| duplicate(text, error.span().unwrap_or(0..0)));
    others.first().map(|error| malformed(text, error)).into_iter().chain(duplicates).collect()
}

fn malformed(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let place = visible(text, span.clone());
    let message = error.message().lines().next().unwrap_or_default();
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let problem = |what: &str| Problem::new(format!("this is no TOML: {what}"));
    if what.contains("must be quoted") {
        if text.get(place.clone()) == Some("=") {
            return problem("there is no value").at(place, "nothing behind it");
        }
        let value = text.get(place.clone()).unwrap_or_default();
        return problem("a text needs quotes").at(place, "").help(format!("write `\"{value}\"`"));
    }
    let label = if expected.is_empty() { "here".to_owned() } else { format!("expected {expected}") };
    let problem = problem(what).at(place, label);
    if what.contains("key with no value") || what.contains("key-value pair") {
        return problem.help("TOML writes `key = value`, and begins a table with `[apps.api]`");
    }
    problem
}

/// The parser knows both places and tells the second; the first is the nearest line above that says the
/// same in the same table.
fn duplicate(text: &str, second: Range<usize>) -> Problem {
    let name = text.get(second.clone()).unwrap_or_default();
    let start = text[..second.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default().trim();
    let header = line.starts_with('[');
    let what = if header { format!("the table `{name}`") } else { format!("the key `{name}`") };
    let problem = Problem::new(format!("{what} is there twice")).at(second, "the second");
    let problem = match earlier(&text[..start], line, name, header) {
        Some(first) => problem.at(first, "the first"),
        None => problem,
    };
    problem.help(if header { "put the keys of both under one header" } else { "keep the one that you mean" })
}

fn earlier(above: &str, line: &str, name: &str, header: bool) -> Option<Range<usize>> {
    let mut end = above.len();
    for candidate in above.split_inclusive('\n').rev() {
        let start = end - candidate.len();
        let trimmed = candidate.trim_start();
        let indent = candidate.len() - trimmed.len();
        if header && without_comment(trimmed) == without_comment(line) {
            let from = start + indent;
            return Some(from..from + without_comment(trimmed).len());
        }
        let is_key = || trimmed.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='));
        if is_key() {
            let from = start + indent;
            return Some(from..from + name.len());
        }
        if trimmed.starts_with('[') && !header {
            return None;
        }
        end = start;
    }
    None
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}

/// At the end of the file, and of a line, there is nothing to underline: point at the last thing before.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let shown = text.get(span.clone()).is_some_and(|s| !s.trim().is_empty());
    if shown {
        return span;
    }
    let before = text.get(..span.start.min(text.len())).unwrap_or_default().trim_end();
    match before.char_indices().next_back() {
        Some((at, last)) => at..at + last.len_utf8(),
        None => 0..0,
    }
}
