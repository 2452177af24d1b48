//! Secrets of an app: read from their files whenever a process of it is started, and kept nowhere else.

use gapless_model::Release;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// The longest secret, in bytes: a key or a certificate, not a database.
const LONGEST: u64 = 64 << 10;

/// The variables with their values, without the line feed that editors put at the end.
///
/// # Errors
/// A message for people, which names variable and file and shows nothing of what is in it.
pub(crate) fn read(release: &Release) -> Result<BTreeMap<String, String>, String> {
    let secret = |(name, path): (&String, &camino::Utf8PathBuf)| {
        let bad = |why: String| format!("cannot take the secret {name} from {path}: {why}");
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| bad(error.to_string()))?;
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
        if bytes.len() as u64 > LONGEST {
            return Err(bad(format!("it is longer than {} KiB", LONGEST >> 10)));
        }
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
        let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() || text.contains('\0') {
            return Err(bad(
                if text.is_empty() { "it is empty" } else { "it has a NUL byte in it" }.to_owned()
            ));
        }
        Ok((name.clone(), text.to_owned()))
    };
    release.spec.secrets.iter().map(secret).collect()
}
