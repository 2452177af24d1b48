//! The apps' output on ours: what an app wrote to stdout on stdout, what it wrote to stderr on stderr, each line with
//! its instance before it.

use crate::session::Session;
use gapless_api::client::LogQuery;
use gapless_api::request::LogLine;
use gapless_model::{AppName, WallTime};
use std::collections::BTreeSet;
use std::io::{Write, stderr, stdout};
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// How often it is looked for apps that are new.
const LOOK: Duration = Duration::from_millis(200);

/// How many lines are read again of an app whose stream broke, at most: those among them that were shown are not shown
/// twice.
const AGAIN: u32 = 10_000;

/// Lines that may wait to be written. Whoever reads our output slowly slows down nobody but this.
const WAITING: usize = 256;

/// Shows what apps write.
#[derive(Debug)]
pub(crate) struct Output {
    lines: mpsc::Sender<LogLine>,
    writer: JoinHandle<()>,
}

impl Output {
    /// Shows what all apps write from now on, those that come later too.
    pub(crate) fn begin(session: &Rc<Session>) -> std::io::Result<Self> {
        let (lines, inbox) = mpsc::channel(WAITING);
        let writer = std::thread::Builder::new().name("output".to_owned()).spawn(move || write(inbox))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = WallTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        tokio::task::spawn_local(look(Rc::clone(session), since, lines.downgrade()));
        Ok(Self { lines, writer })
    }

    /// Waits until all that was read is written, for so long.
    pub(crate) async fn end(self, within: Duration) {
        drop(self.lines);
        let deadline = tokio::time::Instant::now() + within;
        while !self.writer.is_finished() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Looks for apps, and follows each.
async fn look(session: Rc<Session>, since: WallTime, lines: mpsc::WeakSender<LogLine>) {
    let mut followed: BTreeSet<AppName> = BTreeSet::new();
    loop {
        if let Ok(status) = session.client.status().await {
            for app in status.apps.into_iter().map(|app| app.name) {
                if followed.insert(app.clone()) {
                    let Some(lines) = lines.upgrade() else { return };
                    tokio::task::spawn_local(follow(Rc::clone(&session), app, Shown::since(since), lines));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
        if lines.upgrade().is_none() {
            return;
        }
    }
}

/// Follows one app until nobody listens any more, over the restarts of control.
async fn follow(session: Rc<Session>, app: AppName, mut shown: Shown, to: mpsc::Sender<LogLine>) {
    let to = to.downgrade();
    while to.upgrade().is_some() {
        let query = LogQuery { lines: AGAIN, follow: true, out: true, err: true };
        if let Ok(mut lines) = session.client.logs(&app, query).await {
            shown.begin_again();
            while let Ok(Some(line)) = lines.next().await {
                if shown.is_new(&line) {
                    let Some(to) = to.upgrade() else { return };
                    if to.send(line).await.is_err() {
                        return;
                    }
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was shown of an app.
#[derive(Debug)]
struct Shown {
    /// When the last line was written, or what we begin after.
    at: WallTime,
    /// How many of that moment were shown.
    of_it: u64,
    /// How many of those are still to come a second time.
    again: u64,
}

impl Shown {
    const fn since(at: WallTime) -> Self {
        Self { at, of_it: 0, again: 0 }
    }

    /// The lines come again from some earlier one on.
    const fn begin_again(&mut self) {
        self.again = self.of_it;
    }

    fn is_new(&mut self, line: &LogLine) -> bool {
        if line.at < self.at {
            return false;
        }
        if line.at == self.at && self.again > 0 {
            self.again -= 1;
            return false;
        }
        if line.at > self.at {
            (self.at, self.of_it, self.again) = (line.at, 0, 0);
        }
        self.of_it += 1;
        true
    }
}

/// Writes lines until nobody has any more. Output that nobody takes is nobody's loss: it is in the log files.
fn write(mut lines: mpsc::Receiver<LogLine>) {
    let mut width = 0;
    while let Some(LogLine { instance, err, text, .. }) = lines.blocking_recv() {
        let instance = instance.to_string();
        width = width.max(instance.len());
        let line = format!("{instance:<width$} | {text}\n");
        let _ = if err { stderr().write_all(line.as_bytes()) } else { stdout().write_all(line.as_bytes()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64, text: &str) -> LogLine {
        LogLine {
            at: WallTime::from_millis(at),
            instance: "a-1".parse().unwrap(),
            err: false,
            text: text.into(),
        }
    }

    #[test]
    fn what_comes_again_after_a_break_is_shown_once() {
        let mut shown = Shown::since(WallTime::from_millis(5));
        let mut new = |lines: &[(u64, &str)]| {
            shown.begin_again();
            let lines = lines.iter().map(|(at, text)| line(*at, text));
            lines.filter(|line| shown.is_new(line)).map(|line| line.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(new(&[(4, "old"), (5, "a"), (7, "b"), (7, "c")]), "a b c");
        assert_eq!(new(&[(4, "old"), (5, "a"), (7, "b"), (7, "c"), (7, "d"), (8, "e")]), "d e");
        assert_eq!(new(&[(7, "d"), (8, "e")]), "");
    }
}
