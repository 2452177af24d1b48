//! What is wrong with a config: file, line, the text underlined, what would be right.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

/// The whole report with colours; it ends with a line feed.
pub(crate) fn render(report: &dyn Diagnostic) -> String {
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode()).with_links(false).with_width(100);
    let mut text = String::new();
    match handler.render_report(&mut text, report) {
        Ok(()) => text.trim_start_matches('\n').to_owned(),
        Err(_) => format!("error: {report}\n"),
    }
}
