//! A file that is rotated by size: `access.log`, `access.log.1`, …

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file is rotated beyond this many bytes.
const SIZE: u64 = 64 * 1024 * 1024;

/// Rotated files that are kept.
const KEEP: u32 = 3;

/// The file, opened when it is first written.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    limit: u64,
    open: Option<(File, u64)>,
}

impl LogFile {
    /// The file at `path`; nothing is touched yet.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, limit: SIZE, open: None }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// Those of `open(2)`, `rename(2)` and `write(2)`; the next write tries again from the beginning.
    pub(crate) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let (mut file, size) = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        file.write_all(lines)?;
        let size = size + lines.len() as u64;
        if size > self.limit {
            drop(file);
            return self.rotate();
        }
        self.open = Some((file, size));
        Ok(())
    }

    fn open(&self) -> io::Result<(File, u64)> {
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (1..KEEP).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, self.numbered(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_are_kept_in_order_and_no_line_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/access.log");
        let mut file = LogFile { limit: 10, ..LogFile::new(path.clone()) };
        for n in 0..9 {
            file.write(format!("line {n}\n").as_bytes()).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "line 8\n");
        assert_eq!(read(&file.numbered(1)), "line 6\nline 7\n");
        assert_eq!(read(&file.numbered(3)), "line 2\nline 3\n");
        assert!(!file.numbered(4).exists());
    }
}
