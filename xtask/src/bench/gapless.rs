//! A private Gapless: its own `GAPLESS_HOME`, stopped and gone when dropped.

use super::process::{self, Pid};
use super::until::until;
use crate::trouble::Trouble;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One installation of ours.
#[derive(Debug)]
pub(crate) struct Gapless {
    binary: PathBuf,
    /// In the temporary directory: paths of Unix sockets must be short.
    home: TempDir,
    /// Where the config is, and what belongs to it.
    place: TempDir,
}

impl Gapless {
    /// A fresh one that does not run yet.
    pub(crate) fn new(binary: &Path) -> Result<Self, Trouble> {
        let fresh = || {
            tempfile::Builder::new().prefix("gb-").tempdir().map_err(|source| Trouble::File {
                verb: "create",
                path: std::env::temp_dir(),
                source,
            })
        };
        Ok(Self { binary: binary.to_owned(), home: fresh()?, place: fresh()? })
    }

    /// A file beside the config.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<PathBuf, Trouble> {
        let path = self.place.path().join(name);
        fs::write(&path, text).map_err(|source| Trouble::File {
            verb: "write",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// `GAPLESS_HOME`.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command of ours to its end; how long it took, and what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> Result<(Duration, Output), Trouble> {
        let began = Instant::now();
        let output = Command::new(&self.binary)
            .args(words)
            .env("GAPLESS_HOME", self.home.path())
            .current_dir(self.place.path())
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Trouble::Spawn { command: format!("gapless {}", words.join(" ")), source })?;
        let took = began.elapsed();
        if output.status.success() {
            return Ok((took, output));
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Trouble::Bench { what: format!("`gapless {}`: {}\n{said}", words.join(" "), output.status) })
    }

    /// Writes `gapless.toml` and applies it.
    pub(crate) fn up(&self, config: &str) -> Result<Duration, Trouble> {
        self.put("gapless.toml", config)?;
        Ok(self.run(&["up"])?.0)
    }

    /// `status --json`.
    pub(crate) fn status(&self) -> Result<Value, Trouble> {
        let (_, output) = self.run(&["status", "--json"])?;
        serde_json::from_slice(&output.stdout)
            .map_err(|source| Trouble::Answer { command: "gapless status --json".into(), source })
    }

    /// The process of ours that has this name in `status`: `keeper_pid`, `control_pid`, `proxy_pid`.
    pub(crate) fn pid(&self, name: &str) -> Result<Pid, Trouble> {
        let status = self.status()?;
        let pid = status["gapless"][name].as_u64().and_then(|pid| Pid::try_from(pid).ok());
        pid.ok_or_else(|| Trouble::Bench { what: format!("`gapless status --json` has no {name}") })
    }

    /// The processes of all instances.
    pub(crate) fn instances(&self) -> Result<Vec<Pid>, Trouble> {
        let status = self.status()?;
        let apps = status["apps"].as_array().into_iter().flatten();
        let instances = apps.flat_map(|app| app["instances"].as_array().into_iter().flatten());
        Ok(instances.filter_map(|one| Pid::try_from(one["pid"].as_u64()?).ok()).collect())
    }

    /// Every process of Gapless itself on this home, the user's apps not counted.
    pub(crate) fn own_processes(&self) -> Vec<Pid> {
        let home = self.home.path().to_string_lossy().into_owned();
        let is_ours = |pid: &Pid| {
            let words = process::arguments(*pid);
            words.iter().any(|word| word == "internal") && words.iter().any(|word| word.contains(&home))
        };
        process::all().into_iter().filter(is_ours).collect()
    }
}

impl Drop for Gapless {
    fn drop(&mut self) {
        // Nothing to say if it never ran. What does not stop by itself would disturb the next benchmark.
        let _ = self.run(&["down"]);
        let gone = until("Gapless is gone", Duration::from_secs(10), Duration::from_millis(20), || {
            self.own_processes().is_empty().then_some(())
        });
        if gone.is_err() {
            for pid in self.own_processes() {
                process::signal(pid, Signal::KILL);
            }
        }
    }
}
