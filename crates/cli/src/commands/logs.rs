//! `gapless logs`: an app's output.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render;
use crate::screen;
use crate::session::Session;
use gapless_api::client::LogQuery;
use gapless_api::request::LogLine;
use gapless_model::{AppName, InstanceId, WallTime};
use std::collections::BTreeMap;

/// In the text, `|` stands before what came by stdout and `!` before what came by stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = "The instance is named before each line; `|` marks stdout, `!` stderr.")]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: u32,
    /// Only stdout
    #[arg(long, conflicts_with = "err")]
    out: bool,
    /// Only stderr
    #[arg(long)]
    err: bool,
    /// Print each line as JSON
    #[arg(long)]
    json: bool,
}

/// How far back it is looked for what was written while one control took the place of another.
const MISSED: u32 = 10_000;

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let mut query = LogQuery { lines: args.lines, follow: args.follow, out: !args.err, err: !args.out };
    let mut shown = Shown::default();
    let mut width = 0;
    loop {
        let mut lines = match session.look(async |client| client.logs(&args.app, query).await).await {
            // It went down for good.
            Err(Error::NothingHere { .. }) if shown.any() => return Ok(Exit::Done),
            opened => opened?,
        };
        let ended = loop {
            match lines.next().await {
                Ok(Some(line)) if shown.is_new(&line) => {
                    if args.json {
                        screen::json(&line)?;
                    } else {
                        width = width.max(line.instance.to_string().len());
                        screen::out(&render::logs::line(&line, width))?;
                    }
                    shown.note(line);
                }
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match ended {
            Ok(()) if !args.follow => return Ok(Exit::Done),
            Err(error) if !error.may_be_another_control() => return Err(error.into()),
            // Control ended, in whatever way: the next one goes on.
            Ok(()) | Err(_) => query.lines = query.lines.max(MISSED),
        }
        shown.rewind();
    }
}

/// What was shown last of each stream of each instance: its lines come in the order of time.
#[derive(Debug, Default)]
struct Shown(BTreeMap<(InstanceId, bool), Last>);

/// The last moment of which something was shown, and all that was.
#[derive(Debug)]
struct Last {
    at: WallTime,
    texts: Vec<String>,
    /// Those of them that have come again.
    again: usize,
}

impl Shown {
    fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a line has not been shown before. Those that come again come in the same order.
    fn is_new(&mut self, line: &LogLine) -> bool {
        let Some(last) = self.0.get_mut(&(line.instance.clone(), line.err)) else { return true };
        let again = line.at == last.at && last.texts.get(last.again) == Some(&line.text);
        last.again += usize::from(again);
        !again && line.at >= last.at
    }

    fn note(&mut self, line: LogLine) {
        let LogLine { at, instance, err, text } = line;
        let last = self.0.entry((instance, err)).or_insert_with(|| Last { at, texts: Vec::new(), again: 0 });
        if last.at != at {
            (last.at, last.texts) = (at, Vec::new());
        }
        last.texts.push(text);
        last.again = last.texts.len();
    }

    /// Everything may come again.
    fn rewind(&mut self) {
        self.0.values_mut().for_each(|last| last.again = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64, text: &str) -> LogLine {
        let instance = "web-1".parse().unwrap();
        LogLine { at: WallTime::from_millis(at), instance, err: false, text: text.into() }
    }

    #[test]
    fn what_comes_again_is_shown_once_and_the_same_said_twice_is_shown_twice() {
        let mut shown = Shown::default();
        let mut pass = |lines: &[LogLine]| -> Vec<String> {
            shown.rewind();
            let new = lines.iter().filter(|line| {
                let new = shown.is_new(line);
                if new {
                    shown.note((*line).clone());
                }
                new
            });
            new.map(|line| line.text.clone()).collect()
        };
        let mut lines = vec![line(1, "a"), line(2, "b"), line(2, "b")];
        assert_eq!(pass(&lines), ["a", "b", "b"]);
        assert_eq!(pass(&lines), [""; 0]);
        lines.extend([line(2, "b"), line(2, "c"), line(3, "a")]);
        assert_eq!(pass(&lines), ["b", "c", "a"]);
        assert_eq!(pass(&lines[4..]), [""; 0]);
    }
}
