//! What was fetched, on disk: `acme/<authority>/account.json` and `acme/<authority>/<host>.pem`, for nobody else
//! to read.

use crate::private_file;
use crate::tls::Certificate;
use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;

/// Begins what comes after the key, in a certificate's file.
const CHAIN: &str = "-----BEGIN CERTIFICATE-----";

/// What one authority has given.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    directory: Utf8PathBuf,
}

impl Vault {
    /// That of the authority with this directory URL, below the home of Gapless.
    pub(crate) fn of(home: &Utf8Path, authority: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let name: String = authority.trim_start_matches("https://").chars().map(plain).collect();
        Self { directory: home.join("acme").join(name.trim_start_matches('.')) }
    }

    /// All certificates, by host. What cannot be read is as if it were not there: it is fetched again. Blocks.
    pub(crate) fn certificates(&self) -> BTreeMap<String, Certificate> {
        let Ok(files) = self.directory.read_dir_utf8() else { return BTreeMap::new() };
        let paths = files.flatten().map(|file| file.path().to_owned());
        let read = |path: Utf8PathBuf| {
            let host = path.file_name()?.strip_suffix(".pem")?.to_owned();
            let text = std::fs::read_to_string(&path).ok()?;
            let (key, chain) = text.split_at(text.find(CHAIN)?);
            match Certificate::of(path.as_str(), path.as_str(), chain.as_bytes(), key.as_bytes()) {
                Ok(certificate) => Some((host, certificate)),
                Err(error) => {
                    tracing::warn!("{error}; it is fetched again");
                    None
                }
            }
        };
        paths.filter_map(read).collect()
    }

    /// Keeps a certificate with its key. Blocks.
    ///
    /// # Errors
    /// The disk, or the authority gave something else.
    pub(crate) fn put(&self, host: &str, chain: &str, key: &str) -> io::Result<Certificate> {
        let path = self.directory.join(format!("{host}.pem"));
        let certificate = Certificate::of(path.as_str(), path.as_str(), chain.as_bytes(), key.as_bytes())
            .map_err(io::Error::other)?;
        self.write(&path, &format!("{}\n{}", key.trim_end(), chain.trim_start()))?;
        Ok(certificate)
    }

    /// The account, if there is one. Blocks.
    pub(crate) fn account(&self) -> Option<String> {
        std::fs::read_to_string(self.directory.join("account.json")).ok()
    }

    /// Keeps the account. Blocks.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn put_account(&self, text: &str) -> io::Result<()> {
        self.write(&self.directory.join("account.json"), text)
    }

    /// Writes a file of its own.
    fn write(&self, path: &Utf8Path, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        private_file::replace(path, text.as_bytes())
    }
}
