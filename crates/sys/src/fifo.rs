//! Named pipes (`fifo(7)`).

use rustix::fs::{CWD, FileType, Mode, mkfifoat};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Makes a FIFO that only its owner may open (0600). One that is there already stays, with what is in it.
///
/// # Errors
/// Something else has that name, or the directory cannot be written.
pub fn make(path: &Path) -> io::Result<()> {
    match mkfifoat(CWD, path, Mode::from_raw_mode(0o600)) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) if fs::symlink_metadata(path)?.file_type().is_fifo() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a FIFO for reading and writing at once: it never blocks, and whoever holds it so never gets
/// `EPIPE`, as there is always a reader (`fifo(7)`).
///
/// # Errors
/// There is no such FIFO, or it is not ours.
pub fn open_both_ways(path: &Path) -> io::Result<File> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).write(true).custom_flags(nofollow).open(path)?;
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) == FileType::Fifo {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no FIFO", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn what_was_written_waits_for_its_reader() {
        let name = format!("gapless-sys-fifo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        make(&path).unwrap();
        make(&path).unwrap();
        let mut held = open_both_ways(&path).unwrap();
        held.write_all(b"hello").unwrap();
        let mut later = File::open(&path).unwrap();
        let mut text = [0; 5];
        later.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hello");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        assert!(make(&path).is_err());
        assert!(open_both_ways(&path).is_err());
        fs::remove_file(&path).unwrap();
    }
}
