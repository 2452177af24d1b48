//! Commands: of apps and of probes.

use crate::document::{CommandText, Section};
use crate::problem::{Problem, Problems};
use crate::text::words::{self, NotWords};
use gapless_model::CommandLine;
use miette::SourceSpan;
use std::ops::Range;

/// The command of an app.
pub(super) fn of_app(section: &Section, problems: &mut Problems) -> Option<CommandLine> {
    let shell = section.flag("shell");
    if !section.mentions("command") {
        let problem = Problem::new(format!("[{}] has no command", section.path));
        problems.add(
            problem
                .at(section.span, "this app does not say what to run")
                .help("add `command = \"node server.js\"`"),
        );
        return None;
    }
    match (section.command("command")?, shell) {
        (CommandText::Line(line), true) if line.trim().is_empty() => empty(section, problems),
        (CommandText::Line(line), true) => Some(CommandLine::Shell(line.trim().to_owned())),
        (CommandText::Words(_), true) => {
            problems.add(
                Problem::new(format!("`shell = true` in [{}] takes the command as one line", section.path))
                    .at(section.place("command"), "this is a list of words")
                    .at(section.place("shell"), "a shell reads lines")
                    .help("write the command as one text, or leave `shell` out"),
            );
            None
        }
        (command, false) => words(section, command, "add `shell = true`", problems),
    }
}

/// The command of a probe, which never has a shell of its own.
pub(super) fn of_probe(section: &Section, problems: &mut Problems) -> Option<CommandLine> {
    let command = section.command("command")?;
    words(section, command, "write it as `command = [\"sh\", \"-c\", \"…\"]`", problems)
}

fn empty(section: &Section, problems: &mut Problems) -> Option<CommandLine> {
    let problem = Problem::new(format!("the command in [{}] is empty", section.path));
    problems.add(
        problem.at(section.place("command"), "nothing to run").help("write `command = \"node server.js\"`"),
    );
    None
}

fn words(
    section: &Section,
    command: &CommandText,
    shell: &str,
    problems: &mut Problems,
) -> Option<CommandLine> {
    let split = match command {
        CommandText::Words(words) => Ok(words.clone()),
        CommandText::Line(line) => words::split(line),
    };
    match split {
        // An empty first word is a program without a name.
        Ok(words) if words.first().is_none_or(|program| program.trim().is_empty()) => {
            empty(section, problems)
        }
        Ok(words) => Some(CommandLine::Words(words)),
        Err(wrong) => {
            let CommandText::Line(line) = command else { return None };
            let span = section.place("command");
            let text = problems.text();
            let problem = not_words(&section.path, text, span, line, &wrong, shell);
            problems.add(problem);
            None
        }
    }
}

fn not_words(path: &str, text: &str, span: SourceSpan, line: &str, wrong: &NotWords, shell: &str) -> Problem {
    let at = |range: &Range<usize>| inside(text, span, line, range);
    match wrong {
        NotWords::Shell(range) => {
            Problem::new(format!("the command in [{path}] uses a shell, but is run without one"))
                .at(at(range), format!("`{}` means something to a shell only", line[range.clone()].trim()))
                .help(format!(
                    "{shell} to run it by /bin/sh, or put it in single quotes if it is meant as it is"
                ))
        }
        NotWords::SecondLine(range) => Problem::new(format!("the command in [{path}] has two lines"))
            .at(at(range), "this would be a second command")
            .help(format!(
                "{shell} to run both by /bin/sh, or end the first line with a backslash to join them"
            )),
        NotWords::Assignment(range) => {
            let (name, value) = line[range.clone()].split_once('=').unwrap_or_default();
            let value = value.trim_matches(['"', '\'']);
            Problem::new(format!("the command in [{path}] begins with an environment variable"))
                .at(at(range), "only a shell would take it as one")
                .help(format!("write `env = {{ {name} = {value:?} }}`, and leave it out here"))
        }
        NotWords::Unclosed(range) => {
            Problem::new(format!("the command in [{path}] has a quote that is not closed"))
                .at(at(range), "opened here")
                .help("close it, or write a backslash before it if it is meant as it is")
        }
        NotWords::TrailingBackslash(range) => {
            Problem::new(format!("the command in [{path}] ends in a backslash"))
                .at(at(range), "there is nothing behind it")
                .help("leave it out")
        }
    }
}

/// Where a part of the line stands in the file: exactly, if the file has the text as it is, without escapes.
fn inside(text: &str, span: SourceSpan, line: &str, range: &Range<usize>) -> SourceSpan {
    let written = text.get(span.offset()..span.offset() + span.len()).unwrap_or_default();
    match written.find(line) {
        Some(start) => (span.offset() + start + range.start, range.len()).into(),
        None => span,
    }
}
