//! `gapless internal …`: the hidden subcommands by which the parts of Gapless start each other.
//!
//! Read by hand and before anything else, so that the keeper never touches what it does not need.

use crate::demo;
use crate::parts::Parts;
use crate::unit;
use camino::Utf8Path;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The first word of all of them.
pub(crate) const INTERNAL: &str = "internal";

/// Program and arguments that become `part` of the installation in `home`.
pub(crate) fn words(part: &str, home: &Path) -> io::Result<Vec<OsString>> {
    let program = std::env::current_exe()?;
    Ok(vec![program.into(), INTERNAL.into(), part.into(), "--home".into(), home.into()])
}

/// Becomes the part that the words after `internal` name.
pub(crate) fn become_part(parts: &Parts, mut words: impl Iterator<Item = OsString>) -> ExitCode {
    let part = words.next().unwrap_or_default();
    let rest: Vec<_> = words.collect();
    if part == "demo-app" {
        return demo::app::main(&rest);
    }
    if part == "formats" {
        let copy = option(&rest, "--journal").and_then(|copy| Utf8Path::from_path(Path::new(copy)));
        println!("{}", (parts.formats)(copy));
        return ExitCode::SUCCESS;
    }
    if part == "launch" {
        return (parts.launch)(&rest);
    }
    let home = option(&rest, "--home").and_then(|home| Utf8Path::from_path(Path::new(home)));
    let Some(home) = home.filter(|home| home.is_absolute()) else {
        eprintln!("gapless internal: --home must name an absolute directory, in UTF-8");
        return ExitCode::from(2);
    };
    match part.to_str() {
        Some("keeper") => match self::words("control", home.as_std_path()) {
            Ok(control) => (parts.keeper)(home.as_std_path(), &control),
            Err(e) => {
                eprintln!("gapless internal keeper: cannot tell which program this is: {e}");
                ExitCode::FAILURE
            }
        },
        Some("control") => (parts.control)(home),
        Some("unit-stop") => unit::stop::main(home.as_std_path(), &rest),
        Some("proxy") => (parts.proxy)(home, workers(&rest)),
        _ => {
            eprintln!("gapless internal: there is no part {part:?}");
            ExitCode::from(2)
        }
    }
}

fn workers(words: &[OsString]) -> usize {
    let named = option(words, "--workers").and_then(|n| n.to_str()?.parse().ok());
    named.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

/// The word after `name`.
pub(crate) fn option<'a>(words: &'a [OsString], name: &str) -> Option<&'a OsString> {
    words.iter().skip_while(|word| *word != name).nth(1)
}
