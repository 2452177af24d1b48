//! Renders what `Config::load` says of a text.

use camino::Utf8Path;
use gapless_config::{Config, Report};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::collections::BTreeMap;
use std::fmt::Write;
use tempfile::TempDir;

/// A directory with files to read.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("gapless").tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Loads `gapless.toml`; the environment of the caller has one variable.
    pub(crate) fn load(&self) -> Result<Config, Report> {
        let caller_env = BTreeMap::from([("DATABASE_URL".to_owned(), "secret".to_owned())]);
        Config::load(&self.path().join("gapless.toml"), &caller_env)
    }

    /// What is said of it, without colours, 100 columns wide, and without the directory's own name.
    pub(crate) fn said(&self) -> String {
        match self.load() {
            Ok(config) => format!("fine: {} apps\n", config.apps.len()),
            Err(report) => self.rendered(&report),
        }
    }

    pub(crate) fn rendered(&self, report: &Report) -> String {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            // Wrapping would depend on the length of the directory's name.
            .with_wrap_lines(false)
            .with_width(100);
        let mut text = String::new();
        handler.render_report(&mut text, report).unwrap();
        text.replace(self.path().as_str(), "DIR")
    }
}

/// What is said of one text.
pub(crate) fn said(text: &str) -> String {
    let project = Project::new();
    project.write("gapless.toml", text);
    project.said()
}

/// Holds what is said of several texts, each under its title.
pub(crate) fn snapshot(name: &str, cases: &[(&str, &str)]) {
    let mut text = String::new();
    for (title, case) in cases {
        writeln!(text, "━━ {title}\n{}", said(case)).unwrap();
    }
    shown(name, &text);
}

/// Holds what was shown.
pub(crate) fn shown(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}
