//! Where the demo happens: a directory of its own that is gone afterwards, and the file in it.

use crate::errors::Error;
use camino::Utf8PathBuf;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The demo's one app.
pub(crate) const APP: &str = "shop";

/// The longest temporary directory under which the paths of sockets still fit (`unix(7)`: 107 bytes).
const LONGEST: usize = 48;

/// A place.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TempDir,
    /// Where the shop's customers come.
    pub(crate) address: SocketAddr,
    program: Utf8PathBuf,
}

/// A version of the shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    /// Its number.
    pub(crate) number: u32,
    /// Whether it ever gets ready.
    pub(crate) works: bool,
}

impl Place {
    /// A new one, with a port that is free.
    pub(crate) fn new() -> Result<Self, Error> {
        let failed = |what: &str, e: std::io::Error| Error::failed(format!("the demo finds no {what}: {e}"));
        let temporary = Some(std::env::temp_dir()).filter(|path| path.as_os_str().len() <= LONGEST);
        let directory = tempfile::Builder::new()
            .prefix("gapless-demo-")
            .tempdir_in(temporary.unwrap_or_else(|| PathBuf::from("/tmp")))
            .map_err(|e| failed("directory", e))?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| failed("free port", e))?;
        let program = std::env::current_exe().map_err(|e| failed("program", e))?;
        let program = Utf8PathBuf::from_path_buf(program)
            .map_err(|path| Error::failed(format!("{} is not UTF-8", path.display())))?;
        Ok(Self { directory, address, program })
    }

    /// `GAPLESS_HOME` of the demo.
    pub(crate) fn home(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the file for a version of the shop, and returns its path.
    pub(crate) fn write(&self, version: Version) -> Result<Utf8PathBuf, Error> {
        let path = self.home().join(gapless_config::FILE);
        std::fs::write(&path, self.file(version))
            .map_err(|e| Error::failed(format!("{} cannot be written: {e}", path.display())))?;
        Utf8PathBuf::from_path_buf(path).map_err(|p| Error::failed(format!("{} is not UTF-8", p.display())))
    }

    fn file(&self, version: Version) -> String {
        let number = version.number.to_string();
        let mut words = vec![self.program.as_str(), "internal", "demo-app", "--release-version", &number];
        if !version.works {
            words.push("--never-ready");
        }
        // A list of strings is written alike in JSON and TOML, control characters apart.
        let mut text = format!("[apps.{APP}]\ncommand = {}\n", serde_json::json!(words));
        _ = write!(
            text,
            "instances = 2\n\n\
             [[apps.{APP}.routes]]\nlisten = \"{}\"\n\n\
             [apps.{APP}.ready]\npath = \"/ready\"\ninterval = \"100ms\"\ndeadline = \"4s\"\n\n\
             [apps.{APP}.rollout]\nbake = \"2s\"\n",
            self.address
        );
        text
    }

    /// Removes everything.
    pub(crate) fn clear(self) -> Result<(), Error> {
        let path = self.home().to_owned();
        self.directory
            .close()
            .map_err(|e| Error::failed(format!("{} cannot be removed: {e}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_config::Config;

    #[test]
    fn the_file_is_one_that_gapless_takes() {
        let place = Place::new().unwrap();
        for works in [true, false] {
            let path = place.write(Version { number: 3, works }).unwrap();
            let config = Config::load(&path, &std::collections::BTreeMap::new()).unwrap();
            let argv = config.apps[0].release.command.argv();
            assert_eq!(argv[1..5], ["internal", "demo-app", "--release-version", "3"]);
            assert_eq!(argv.len() == 5, works);
        }
        let home = place.home().to_owned();
        place.clear().unwrap();
        assert!(!home.exists());
    }
}
