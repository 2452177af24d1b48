//! Who an app's processes are, and what they are left.

use crate::document::Section;
use crate::problem::{Problem, Problems};
use gapless_model::process::ProcessSpec;

/// What the app says of it.
pub(super) fn of_app(section: &Section, problems: &mut Problems) -> ProcessSpec {
    let text = |key: &str| section.text(key).map(str::to_owned);
    ProcessSpec {
        user: text("user"),
        group: text("group"),
        umask: umask(section, problems),
        nofile: section.mentions("nofile").then(|| section.number("nofile")),
    }
}

fn umask(section: &Section, problems: &mut Problems) -> Option<u32> {
    let text = section.text("umask")?;
    let octal =
        text.bytes().all(|byte| matches!(byte, b'0'..=b'7')).then(|| u32::from_str_radix(text, 8).ok());
    let mask = octal.flatten().filter(|mask| *mask <= 0o777);
    if mask.is_none() {
        let problem = Problem::new(format!("the umask in [{}] cannot be {text:?}", section.path));
        let problem = problem.at(section.place("umask"), "three octal digits are wanted");
        problems.add(
            problem.help("write `\"027\"` for files that others may not read, `\"077\"` for nobody else"),
        );
    }
    mask
}
