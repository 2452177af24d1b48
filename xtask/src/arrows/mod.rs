//! Who may know whom, held by a check.
//!
//! DESIGN.md's arrows as a table ([`rules`]), read against what cargo says ([`metadata`]).

mod ban;
mod metadata;
mod purity;
mod rules;
mod violation;

use crate::step::{capture, cargo};
use crate::trouble::Trouble;
use metadata::Metadata;

/// Checks the workspace and prints the table; every violation is listed.
pub(crate) fn check() -> Result<(), Trouble> {
    let mut command = cargo(["metadata", "--format-version", "1"]);
    if crate::step::unattended() {
        command.arg("--locked");
    }
    let text = capture(&mut command)?;
    let metadata = Metadata::parse(&text)
        .map_err(|source| Trouble::Answer { command: crate::step::words(&command), source })?;
    let cases: Vec<String> = violation::all(&metadata).iter().map(ToString::to_string).collect();
    if !cases.is_empty() {
        return Err(Trouble::Broken { rule: "an arrow points where none may", cases });
    }
    print!("{}", rules::table(&metadata));
    println!("Held for {} crates; {} packages in all.", metadata.members().count(), metadata.packages.len());
    Ok(())
}
