//! Whether a file is a program of this machine at all (`elf(5)`): judged before anything of it runs.

use super::refused;
use gapless_api::ErrorBody;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// As much of the header as says for which machine it is.
const HEADER: usize = 20;

/// Checks the file.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn check(program: &Path) -> Result<(), ErrorBody> {
    let no = |what: &str, hint: &str| Err(refused(program, what, hint));
    let about = match fs::metadata(program) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return no("there is no such file", "name the file of a Gapless: `gapless upgrade --to FILE`");
        }
        Err(error) => return no(&format!("it cannot be read: {error}"), "see who may read it"),
    };
    if !about.is_file() {
        return no("it is no file", "name the program itself, not what it is in");
    }
    if about.permissions().mode() & 0o111 == 0 {
        let hint = format!("`chmod +x {}`", program.display());
        return no("it may not be executed", &hint);
    }
    let theirs = match header(program) {
        Ok(theirs) => theirs,
        Err(error) => return no(&format!("it cannot be read: {error}"), "see who may read it"),
    };
    match (theirs, header(Path::new("/proc/self/exe"))) {
        (None, _) => no("it is no program (ELF)", "take the file `gapless` itself out of its archive"),
        (Some(theirs), Ok(Some(ours))) if machine(&theirs) != machine(&ours) => {
            no("it is for another kind of machine", "take the one that was made for this machine")
        }
        _ => Ok(()),
    }
}

/// The first bytes of a program; none of something else.
fn header(program: &Path) -> io::Result<Option<[u8; HEADER]>> {
    let mut header = [0; HEADER];
    match File::open(program)?.read_exact(&mut header) {
        Ok(()) => Ok(header.starts_with(b"\x7fELF").then_some(header)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Its class, its byte order and its `e_machine`.
const fn machine(header: &[u8; HEADER]) -> [u8; 4] {
    [header[4], header[5], header[18], header[19]]
}
