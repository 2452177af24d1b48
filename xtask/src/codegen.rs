//! What is written by the code itself, so that it stays true: the reference and the schema of `gapless.toml`.

use crate::step::root;
use crate::trouble::Trouble;
use std::fs;
use std::path::PathBuf;

/// A file in `docs/` and what should be in it.
struct Written {
    path: PathBuf,
    text: String,
}

/// Writes them.
pub(crate) fn write() -> Result<(), Trouble> {
    let docs = root().join("docs");
    fs::create_dir_all(&docs).map_err(|source| Trouble::File { verb: "create", path: docs, source })?;
    for one in all() {
        if fs::read_to_string(&one.path).ok().as_ref() != Some(&one.text) {
            eprintln!("writing {}", one.path.strip_prefix(root()).unwrap_or(&one.path).display());
            fs::write(&one.path, one.text).map_err(|source| Trouble::File {
                verb: "write",
                path: one.path,
                source,
            })?;
        }
    }
    Ok(())
}

/// Fails if one of them is not as the code would write it.
pub(crate) fn check() -> Result<(), Trouble> {
    let stale =
        all().into_iter().filter(|one| fs::read_to_string(&one.path).ok().as_ref() != Some(&one.text));
    let cases: Vec<String> =
        stale.map(|one| one.path.strip_prefix(root()).unwrap_or(&one.path).display().to_string()).collect();
    if cases.is_empty() {
        Ok(())
    } else {
        Err(Trouble::Broken { rule: "not as the code writes it; run `cargo xtask codegen`", cases })
    }
}

fn all() -> Vec<Written> {
    let docs = root().join("docs");
    // A JSON value of our own making can always be written.
    let schema = serde_json::to_string_pretty(&gapless_config::schema()).unwrap_or_default() + "\n";
    vec![
        Written { path: docs.join("gapless.schema.json"), text: schema },
        Written { path: docs.join("config.md"), text: gapless_config::reference() },
    ]
}
