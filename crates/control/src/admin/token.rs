//! What a client of the admin address has to know.

use crate::private_file;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_api::request::AdminSettings;
use gapless_api::{ErrorBody, ErrorKind};
use gapless_sys::random;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

/// The file in the home where it is, if the user has none of his own.
const FILE: &str = "admin.token";

/// How short it may be, in bytes: one that is shorter can be guessed.
const SHORTEST: usize = 16;

/// How long the file may be, in bytes.
const LONGEST: u64 = 4096;

/// The bits of a file's mode by which everybody may read it (`inode(7)`).
const BY_EVERYBODY: u32 = 0o004;

/// A text that clients send as `Authorization: Bearer TEXT` (RFC 6750 section 2.1).
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    file: Utf8PathBuf,
    /// It was made just now, and is in no file yet.
    new: bool,
}

impl Token {
    /// The one in the user's file, or else in `home`; made if there is none there. [`Self::keep`] writes that.
    ///
    /// # Errors
    /// It cannot be read, or is not fit to be one: with what to do.
    pub(crate) fn of(settings: &AdminSettings, home: &Utf8Path) -> Result<Self, ErrorBody> {
        let file = settings.token_file.clone().unwrap_or_else(|| home.join(FILE));
        match read(&file) {
            Ok(text) => Ok(Self { text, file, new: false }),
            Err(Unfit::Unreadable(error))
                if error.kind() == io::ErrorKind::NotFound && settings.token_file.is_none() =>
            {
                let text = [random::hex(), random::hex()].into_iter().collect::<io::Result<String>>();
                let text = text.map_err(|error| refused(&file, &error.to_string(), None))?;
                Ok(Self { text, file, new: true })
            }
            Err(unfit) => Err(refused(&file, &unfit.to_string(), Some(unfit.hint(&file)))),
        }
    }

    /// Sees to it that it is in its file, for nobody but our own user.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn keep(&self) -> Result<(), ErrorBody> {
        if !self.new {
            return Ok(());
        }
        private_file::replace(&self.file, self.text.as_bytes()).map_err(|error| ErrorBody {
            kind: ErrorKind::Failed,
            message: format!(
                "the token for [admin] cannot be written to {}: {error}. Nothing was changed",
                self.file
            ),
            hint: None,
            about: None,
        })
    }

    /// Whether a request comes from somebody who knows it.
    pub(crate) fn is_known_by(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let Some((scheme, said)) = said.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && same(said.trim_ascii(), self.text.as_bytes())
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Utf8Path {
        &self.file
    }
}

/// Without its text.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("file", &self.file).field("new", &self.new).finish_non_exhaustive()
    }
}

/// As long for every text of that length: nobody learns by the time how much of a guess was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("everybody on this machine may read it")]
    Public,
    #[error("there are only {0} characters in it, which somebody could guess")]
    Short(usize),
    #[error("it is not one line of visible ASCII characters")]
    NoText,
}

impl Unfit {
    fn hint(&self, file: &Utf8Path) -> String {
        match self {
            Self::Public => {
                format!("`chmod o-r {file}`, and make another token: who has read this one has it")
            }
            _ => "leave `token_file` out, and Gapless makes one in its home".to_owned(),
        }
    }
}

fn read(file: &Utf8Path) -> Result<String, Unfit> {
    let open = File::open(file)?;
    let about = open.metadata()?;
    if !about.is_file() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    if about.mode() & BY_EVERYBODY != 0 {
        return Err(Unfit::Public);
    }
    let mut text = String::new();
    let read = open.take(LONGEST).read_to_string(&mut text);
    read.map_err(
        |error| if error.kind() == io::ErrorKind::InvalidData { Unfit::NoText } else { error.into() },
    )?;
    let text = text.trim_ascii();
    match text.len() {
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(Unfit::NoText),
        short if short < SHORTEST => Err(Unfit::Short(short)),
        _ => Ok(text.to_owned()),
    }
}

fn refused(file: &Utf8Path, why: &str, hint: Option<String>) -> ErrorBody {
    ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!("the token for [admin] cannot be taken from {file}: {why}. Nothing was changed"),
        hint,
        about: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn knows(token: &Token, said: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, said.parse().unwrap());
        token.is_known_by(&headers)
    }

    #[test]
    fn one_is_made_and_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(home.path()).unwrap();
        let settings = AdminSettings::default();
        let made = Token::of(&settings, path).unwrap();
        assert!(!path.join(FILE).exists(), "only looked at so far");
        made.keep().unwrap();
        let again = Token::of(&settings, path).unwrap();
        assert_eq!((made.text.len(), &made.text), (64, &again.text));
        assert_eq!(fs::metadata(path.join(FILE)).unwrap().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(&made.text));
    }

    #[test]
    fn nobody_is_let_in_who_does_not_know_all_of_it() {
        let home = tempfile::tempdir().unwrap();
        let token = Token::of(&AdminSettings::default(), Utf8Path::from_path(home.path()).unwrap()).unwrap();
        assert!(!token.is_known_by(&HeaderMap::new()));
        assert!(knows(&token, &format!("Bearer {}", token.text)));
        assert!(knows(&token, &format!("bearer  {}", token.text)));
        for wrong in ["", "x", "", "Basic eDp4"] {
            assert!(!knows(&token, wrong) && !knows(&token, &format!("Bearer {wrong}")), "{wrong:?}");
        }
        assert!(!knows(&token, &token.text) && !knows(&token, &format!("Bearer {}0", token.text)));
        assert!(!knows(&token, &format!("Bearer {}", &token.text[..63])));
    }

    #[test]
    fn a_file_that_is_not_fit_is_refused_with_the_reason() {
        let home = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(home.path()).unwrap();
        let file = path.join("token");
        let settings = AdminSettings { token_file: Some(file.clone()), ..AdminSettings::default() };
        let said = || Token::of(&settings, path).unwrap_err().message;
        assert!(said().contains("No such file"), "{}", said());
        let put = |text: &[u8], mode| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        };
        put(b"0123456789abcdef", 0o644);
        assert!(said().contains("everybody"), "{}", said());
        for (text, why) in [(&b"0123456789abcde\n"[..], "15 characters"), (b"", "0 characters")] {
            put(text, 0o640);
            assert!(said().contains(why), "{}", said());
        }
        for text in [&b"0123456789 abcdef"[..], b"0123456789abcdef\nx", b"0123456789abcdef\xff"] {
            put(text, 0o640);
            assert!(said().contains("one line"), "{}", said());
        }
        put(b"0123456789abcdef\n", 0o640);
        assert!(knows(&Token::of(&settings, path).unwrap(), "Bearer 0123456789abcdef"));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(said().contains("directory"), "{}", said());
    }
}
