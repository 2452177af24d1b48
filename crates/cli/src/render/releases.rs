//! `gapless releases`: what is kept of an app.

use crate::render::figures::at;
use crate::render::table::{Column, table};
use gapless_api::request::ReleaseRow;
use gapless_model::release::Mark;
use jiff::tz::TimeZone;

/// The table, in the order of the rows.
pub(crate) fn releases(rows: &[ReleaseRow], zone: &TimeZone) -> String {
    use Column::Text;
    let columns = [Text("release"), Text(""), Text("made"), Text("known as"), Text("command"), Text("code")];
    let rows = rows.iter().map(|row| {
        vec![
            row.release.to_string(),
            if row.current { "current".into() } else { String::new() },
            at(row.created, zone),
            mark(row.mark).into(),
            row.command.clone(),
            code(row),
        ]
    });
    table(&columns, rows.collect())
}

fn code(row: &ReleaseRow) -> String {
    match &row.revision {
        Some(revision) => format!("{} ({revision})", row.directory),
        None if row.own_code => row.directory.clone(),
        None => format!("{} (in place)", row.directory),
    }
}

const fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Untried => "untried",
        Mark::Good => "good",
        Mark::Bad => "bad",
    }
}
