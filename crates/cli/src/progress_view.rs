//! Progress on the terminal: drawn over itself where it is one, a line per change elsewhere.

use crate::errors::Error;
use crate::follow::Manner;
use crate::render::progress::{At, Shown, live, plain};
use crate::screen::{self, Screen};
use gapless_api::Progress;
use gapless_model::RolloutPhase;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write;
use std::time::Instant;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// What is being followed, and how it is shown.
#[derive(Debug)]
pub(crate) struct ProgressView {
    screen: Screen,
    subjects: Vec<Followed>,
    way: Way,
    frame: usize,
}

#[derive(Debug)]
struct Followed {
    shown: Shown,
    heard: Instant,
    over: bool,
    /// The last line that was written of it.
    written: String,
}

#[derive(Debug)]
enum Way {
    Drawn(ProgressBar),
    Written,
    Silent,
}

impl ProgressView {
    pub(crate) fn new(screen: Screen, manner: Manner, subjects: Vec<Shown>) -> Self {
        let way = match manner {
            Manner::Scripts => Way::Silent,
            Manner::People if screen.live => Way::Drawn(bar()),
            Manner::People => Way::Written,
        };
        let heard = Instant::now();
        let followed = |shown| Followed { shown, heard, over: false, written: String::new() };
        Self { screen, subjects: subjects.into_iter().map(followed).collect(), way, frame: 0 }
    }

    /// Takes a line of progress in; the last lines are for [`Self::ended`].
    pub(crate) fn heard(&mut self, i: usize, progress: Progress) {
        match progress {
            Progress::Queued { behind } => self.at(i, At::Queued(behind)),
            // The receipt says it better, and comes next.
            Progress::At(stand) if matches!(stand.phase, Some(RolloutPhase::Ended { .. })) => {}
            Progress::At(stand) => self.at(i, At::Stand(stand)),
            Progress::Ended { .. }
            | Progress::Dropped { .. }
            | Progress::Stuck { .. }
            | Progress::Settled => {}
        }
    }

    /// Subject `i` now stands so.
    pub(crate) fn at(&mut self, i: usize, at: At) {
        let followed = &mut self.subjects[i];
        followed.shown.at = at;
        followed.heard = Instant::now();
        if let Way::Written = self.way {
            let line = plain(&followed.shown);
            if line != followed.written {
                screen::err(&format!("{line}\n"));
                followed.written = line;
            }
        }
    }

    /// Subject `i` is over; `text` is the result, for stdout.
    pub(crate) fn ended(&mut self, i: usize, text: &str) -> Result<(), Error> {
        self.subjects[i].over = true;
        match &self.way {
            Way::Drawn(bar) => {
                bar.suspend(|| screen::out(text))?;
                self.draw();
            }
            Way::Written => screen::out(text)?,
            Way::Silent => {}
        }
        Ok(())
    }

    /// Draws what goes on, where that is the way.
    pub(crate) fn draw(&mut self) {
        let Way::Drawn(bar) = &self.way else { return };
        self.frame = (self.frame + 1) % SPINNER.len();
        let rows = self.screen.rows();
        let going: Vec<_> = self.subjects.iter().filter(|followed| !followed.over).collect();
        let mut text = String::new();
        let mut lines = 0;
        for (n, followed) in going.iter().enumerate() {
            let block = live(&followed.shown, followed.heard.elapsed(), SPINNER[self.frame]);
            let more = block.lines().count();
            if n > 0 && lines + more + 2 > rows {
                _ = write!(text, "  … and {} more", going.len() - n);
                break;
            }
            lines += more;
            text.push_str(&block);
        }
        let text = if self.screen.colours { text } else { anstream::adapter::strip_str(&text).to_string() };
        bar.set_message(text.trim_end().to_owned());
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        if let Way::Drawn(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}
