//! `gapless logs`: a line of an app's output with who wrote it.

use crate::render::paint;
use gapless_api::request::LogLine;

/// One line: `api-3 | text` for stdout, `api-3 ! text` for stderr. `width` is that of the longest instance
/// name so far.
pub(crate) fn line(line: &LogLine, width: usize) -> String {
    let LogLine { instance, err, text, .. } = line;
    if *err {
        format!("{instance:<width$} {} {text}\n", paint::bad("!"))
    } else {
        format!("{instance:<width$} {} {text}\n", paint::dim("|"))
    }
}
