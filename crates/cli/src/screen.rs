//! Where output goes: results to stdout, progress and errors to stderr.

use crate::errors::Error;
use std::io::{IsTerminal, Write};

/// The caller's terminal, or what stands in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Whether progress may be drawn over itself: stderr is a terminal.
    pub(crate) live: bool,
    /// Whether stderr takes colours.
    pub(crate) colours: bool,
}

impl Screen {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        let stderr = std::io::stderr();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            live: stderr.is_terminal() && !dumb,
            colours: anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never,
        }
    }

    /// Rows of the terminal; 24 where there is none to ask.
    pub(crate) fn rows(self) -> usize {
        rustix::termios::tcgetwinsize(std::io::stderr()).map_or(24, |size| usize::from(size.ws_row).max(3))
    }
}

/// Writes a result as it is; the text brings its own line feeds.
pub(crate) fn out(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Output)
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(value).map_err(|e| Error::Output(e.into()))?;
    out(&(text + "\n"))
}

/// Writes what is not a result. That it cannot be written changes nothing.
pub(crate) fn err(text: &str) {
    let mut stderr = anstream::stderr().lock();
    _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
