//! What all benchmarks stand on: our release binary, the peers, a place for files.

use crate::provision::debian;
use crate::step::{capture, cargo, root, run, step, tool};
use crate::trouble::Trouble;
use std::path::PathBuf;

/// The version of PM2 that is compared with.
const PM2: &str = "7.0.4";

/// What all benchmarks stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Our binary, built with the release profile.
    pub(crate) gapless: PathBuf,
    /// PM2's command, a script for Node.
    pub(crate) pm2: PathBuf,
}

impl Ground {
    /// Builds and installs what is missing; our binary is built now unless one is given.
    pub(crate) fn prepare(binary: Option<&str>) -> Result<Self, Trouble> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        step("programs", || {
            debian::ensure(
                &[debian::NODE.as_slice(), debian::PEERS.as_slice(), debian::HTTP2.as_slice()].concat(),
            )
        })?;
        let home = target.join("bench/pm2");
        let pm2 = home.join("node_modules/pm2/bin/pm2");
        let note = home.join(PM2);
        if !note.is_file() || !pm2.is_file() {
            step("PM2", || {
                std::fs::create_dir_all(&home).map_err(|source| Trouble::File {
                    verb: "create",
                    path: home.clone(),
                    source,
                })?;
                let arguments =
                    ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
                run(tool("npm", arguments).arg("--prefix").arg(&home).arg(format!("pm2@{PM2}")))?;
                std::fs::write(&note, "").map_err(|source| Trouble::File {
                    verb: "write",
                    path: note,
                    source,
                })
            })?;
        }
        if let Some(binary) = binary {
            return Ok(Self { gapless: binary.into(), pm2 });
        }
        step("release build", || run(&mut cargo(["build", "--release", "--package", "gapless"])))?;
        Ok(Self { gapless: target.join("release/gapless"), pm2 })
    }

    /// Who is compared, with versions, for people.
    pub(crate) fn versions(&self) -> Result<Vec<String>, Trouble> {
        let first_line = |bytes: Vec<u8>| {
            String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().trim().to_owned()
        };
        let said = |program: &str, argument: &str| capture(&mut tool(program, [argument])).map(first_line);
        // nginx says it on stderr.
        let nginx = capture(&mut tool("sh", ["-c", "nginx -v 2>&1"])).map(first_line)?;
        let haproxy = said("haproxy", "-v")?;
        let haproxy: Vec<&str> = haproxy.split_whitespace().take(3).collect();
        Ok(vec![
            format!("PM2 {PM2}"),
            nginx.trim_start_matches("nginx version: ").replace('/', " "),
            haproxy.join(" "),
            format!("Node {}", said("node", "--version")?),
        ])
    }
}
