//! What is no TOML at all.

use crate::problem::Problem;
use std::ops::Range;

/// An error of the TOML parser.
pub(super) fn problem(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    if error.message().starts_with("duplicate key") {
        return duplicate(text, span);
    }
    let message = error.message().lines().next().unwrap_or_default();
    let (what, expected) = match message.split_once(", expected ") {
        Some((what, expected)) => (what, Some(format!("expected {expected}"))),
        None => (message, None),
    };
    let label = expected.unwrap_or_else(|| "here".to_owned());
    Problem::new(format!("this is no TOML: {what}")).at(visible(text, span), label)
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
        if !header && is_key() {
            let from = start + indent;
            return Some(from..from + name.len());
        }
        if !header && trimmed.starts_with('[') {
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
