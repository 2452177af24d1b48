//! A private PM2: its own `PM2_HOME`, killed and gone when dropped.

use super::process::Pid;
use crate::trouble::Trouble;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One installation of PM2.
#[derive(Debug)]
pub(crate) struct Pm2 {
    script: PathBuf,
    home: TempDir,
}

impl Pm2 {
    /// A fresh one; its daemon starts with the first command, as users have it.
    pub(crate) fn new(script: &Path) -> Result<Self, Trouble> {
        let home = tempfile::Builder::new().prefix("pm2-").tempdir().map_err(|source| Trouble::File {
            verb: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        Ok(Self { script: script.to_owned(), home })
    }

    /// A file in its home.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<PathBuf, Trouble> {
        let path = self.home.path().join(name);
        fs::write(&path, text).map_err(|source| Trouble::File {
            verb: "write",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// `PM2_HOME`.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command to its end; how long it took, and what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> Result<(Duration, Output), Trouble> {
        let began = Instant::now();
        let output = Command::new("node")
            .arg(&self.script)
            .args(words)
            .env("PM2_HOME", self.home.path())
            .env("PM2_DISCRETE_MODE", "true")
            // It would ask its makers for news otherwise.
            .env("PM2_DISABLE_VERSION_CHECK", "true")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Trouble::Spawn { command: format!("pm2 {}", words.join(" ")), source })?;
        let took = began.elapsed();
        if output.status.success() {
            return Ok((took, output));
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Trouble::Bench { what: format!("`pm2 {}`: {}\n{said}", words.join(" "), output.status) })
    }

    /// Starts the apps of an ecosystem file.
    pub(crate) fn start(&self, ecosystem: &Value) -> Result<Duration, Trouble> {
        self.put("ecosystem.json", &ecosystem.to_string())?;
        Ok(self.run(&["start", "ecosystem.json"])?.0)
    }

    /// Its daemon's process.
    pub(crate) fn daemon(&self) -> Result<Pid, Trouble> {
        let path = self.home.path().join("pm2.pid");
        let text = fs::read_to_string(&path).map_err(|source| Trouble::File {
            verb: "read",
            path: path.clone(),
            source,
        })?;
        text.trim()
            .parse()
            .map_err(|_| Trouble::Bench { what: format!("{} holds no number", path.display()) })
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        // Nothing to say if its daemon never ran.
        let _ = self.run(&["kill"]);
    }
}
