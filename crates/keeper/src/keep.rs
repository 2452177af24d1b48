//! The keeper's loop.

use crate::control::Control;
use crate::error::KeeperError;
use crate::heir::{self, Estate};
use crate::home::Home;
use crate::pace::Pace;
use crate::shelf::Shelf;
use gapless_sys::signals::Signals;
use gapless_sys::{Ended, clock, descriptor, memory, notify, poll, reap};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;
const OURS: [i32; 4] = [SIGHUP, SIGINT, SIGTERM, SIGCHLD];

/// Keeps `home`: runs `control` (program and arguments), and again whenever it dies, until it exits with code
/// 0 or we are asked to end. Descriptors that it stores are handed back to the next one.
///
/// To be called from the main thread while it is the only one. Says on stderr what happens.
pub fn run(home: &Path, control: &[OsString]) -> ExitCode {
    match Keeper::new(home, control).and_then(Keeper::keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gapless: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What control is to the keeper.
#[derive(Debug)]
enum State {
    Running(Control),
    Waiting { until: Instant },
}

struct Keeper<'a> {
    home: Home,
    command: &'a [OsString],
    shelf: Shelf,
    pace: Pace,
    inbox: OwnedFd,
    signals: Signals,
    state: State,
    /// We were asked to end: when control has, so do we.
    ending: bool,
    lock: gapless_sys::lock::Lock,
}

impl<'a> Keeper<'a> {
    fn new(home: &Path, command: &'a [OsString]) -> Result<Self, KeeperError> {
        let system = |doing| move |error| KeeperError::System { doing, error };
        let estate = Estate::take()?;
        let home = Home::prepare(home)?;
        let Estate { lock, inbox, shelf, control } = match estate {
            Some(estate) => {
                say(&format!("another version keeps on (pid {})", std::process::id()));
                estate
            }
            None => {
                let lock = home.hold()?;
                Estate { lock, inbox: home.inbox()?, shelf: Shelf::default(), control: None }
            }
        };
        reap::adopt_orphans().map_err(system("become the parent of orphans"))?;
        let signals = Signals::take(&OURS).map_err(system("take signals"))?;
        let state = control.map_or_else(|| State::Waiting { until: Instant::now() }, State::Running);
        Ok(Self { inbox, home, command, shelf, pace: Pace::default(), signals, state, ending: false, lock })
    }

    fn keep(mut self) -> Result<(), KeeperError> {
        // Who ended while one keeper became another has told nobody.
        if self.reap() {
            return Ok(());
        }
        loop {
            // What control sent with its last breath is on the shelf before the next one starts.
            if let Some(program) = self.read_inbox() {
                self.become_program(&program);
            }
            self.start_if_due();
            poll::readable([self.signals.as_fd(), self.inbox.as_fd()], self.timeout())
                .map_err(|error| KeeperError::System { doing: "wait for events", error })?;
            if self.heed_signals() || self.reap() {
                return Ok(());
            }
        }
    }

    fn start_if_due(&mut self) {
        match self.state {
            State::Waiting { until } if Instant::now() >= until => {}
            _ => return,
        }
        self.state = match Control::start(self.command, &self.home, &self.shelf) {
            Ok(control) => {
                say(&format!("control runs (pid {})", control.pid));
                // It waits now, for as long as all goes well. That it could not be done costs nothing but memory.
                let _ = memory::forget_code();
                State::Running(control)
            }
            Err(error) => {
                say(&error.to_string());
                State::Waiting { until: Instant::now() + self.pace.delay_after(Duration::ZERO) }
            }
        };
    }

    fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Running(_) => None,
            State::Waiting { until } => Some(until.saturating_duration_since(Instant::now())),
        }
    }

    /// Takes what control hands over; returns the program to become, if it asks for that.
    fn read_inbox(&mut self) -> Option<PathBuf> {
        let mut program = None;
        let mut buffer = [0; notify::MAX];
        loop {
            match descriptor::receive(&self.inbox, &mut buffer) {
                Ok((length, descriptors)) => {
                    let mut notice = notify::parse(&buffer[..length]);
                    program = notice.become_program.take().or(program);
                    self.shelf.heed(notice, descriptors);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return program,
                Err(error) => {
                    say(&format!("cannot read what control hands over: {error}"));
                    return program;
                }
            }
        }
    }

    /// Comes back only if that failed; then everything goes on as before.
    fn become_program(&self, program: &Path) {
        let control = match &self.state {
            State::Running(control) => Some(control.pid),
            State::Waiting { .. } => None,
        };
        let error = heir::leave_to(program, &self.lock, &self.inbox, &self.shelf, control);
        say(&format!("cannot become {}: {error}", program.display()));
    }

    /// True if it is time to end.
    fn heed_signals(&mut self) -> bool {
        while let Some(number) = self.signals.read() {
            if matches!(number, SIGTERM | SIGINT) {
                self.ending = true;
                match &self.state {
                    State::Running(control) => control.signal(SIGTERM),
                    State::Waiting { .. } => return true,
                }
            }
        }
        false
    }

    /// Reaps whoever ended: control, or an orphan of it. True if it is time to end.
    fn reap(&mut self) -> bool {
        while let Some((pid, ended)) = reap::next() {
            let State::Running(control) = &self.state else { continue };
            if control.pid != pid {
                continue;
            }
            if self.ending || ended == Ended::Code(0) {
                say(&format!("control (pid {pid}) ended as it should"));
                return true;
            }
            let delay = self.pace.delay_after(control.ran());
            say(&format!("control (pid {pid}) {}; it is started again in {delay:?}", how(ended)));
            self.state = State::Waiting { until: Instant::now() + delay };
        }
        false
    }
}

fn how(ended: Ended) -> String {
    match ended {
        Ended::Code(code) => format!("exited with code {code}"),
        Ended::Signal(number) => format!("was ended by signal {number}"),
        Ended::Unknown => "ended".to_owned(),
    }
}

/// One line for `logs/keeper.log`, with the wall clock's seconds since 1970 in front.
fn say(what: &str) {
    eprintln!("{} keeper: {what}", clock::wall_millis() / 1000);
}
