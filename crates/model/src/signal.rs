//! Signals by their names (`signal(7)`, the numbers of Linux on x86 and ARM).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A signal that can ask a process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[expect(missing_docs, reason = "the names are those of signal(7)")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Kill,
    Usr1,
    Usr2,
    #[default]
    Term,
    Winch,
}

impl Signal {
    /// All of them, for messages that list what is allowed.
    pub const ALL: [Self; 8] =
        [Self::Hup, Self::Int, Self::Quit, Self::Kill, Self::Usr1, Self::Usr2, Self::Term, Self::Winch];

    /// Its number.
    pub const fn number(self) -> i32 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Term => 15,
            Self::Winch => 28,
        }
    }

    /// Its name, with `SIG`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Kill => "SIGKILL",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Term => "SIGTERM",
            Self::Winch => "SIGWINCH",
        }
    }
}

/// The name of any signal that can end a process, for messages about exits; `SIG<n>` for those without one.
pub fn name_of(number: i32) -> String {
    const OTHERS: [(i32, &str); 9] = [
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (31, "SIGSYS"),
    ];
    let known = Signal::ALL.iter().map(|s| (s.number(), s.name()));
    known
        .chain(OTHERS)
        .find(|(n, _)| *n == number)
        .map_or_else(|| format!("SIG{number}"), |(_, name)| name.to_owned())
}

/// Not one of [`Signal::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no signal that can ask a process to stop")]
pub struct UnknownSignal(pub String);

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Accepts `SIGTERM`, `TERM` and lower case.
    fn from_str(s: &str) -> Result<Self, UnknownSignal> {
        let upper = s.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL
            .into_iter()
            .find(|signal| &signal.name()[3..] == bare)
            .ok_or_else(|| UnknownSignal(s.to_owned()))
    }
}

impl TryFrom<String> for Signal {
    type Error = UnknownSignal;
    fn try_from(s: String) -> Result<Self, UnknownSignal> {
        s.parse()
    }
}

impl From<Signal> for String {
    fn from(s: Signal) -> Self {
        s.name().to_owned()
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
