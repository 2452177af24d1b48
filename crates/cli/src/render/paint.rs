//! Colours, by what they mean. They are taken out again where the output is no terminal.

use anstyle::{AnsiColor, Effects, Style};
use std::fmt::Display;

fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// All is as it should be.
pub(crate) fn good(text: impl Display) -> String {
    paint(AnsiColor::Green.on_default().effects(Effects::BOLD), text)
}

/// Something was lost, failed, or cannot be.
pub(crate) fn bad(text: impl Display) -> String {
    paint(AnsiColor::Red.on_default().effects(Effects::BOLD), text)
}

/// Worth a look.
pub(crate) fn warn(text: impl Display) -> String {
    paint(AnsiColor::Yellow.on_default(), text)
}

/// What the eye should find first.
pub(crate) fn bold(text: impl Display) -> String {
    paint(Style::new().bold(), text)
}

/// What it may skip.
pub(crate) fn dim(text: impl Display) -> String {
    paint(Style::new().dimmed(), text)
}
