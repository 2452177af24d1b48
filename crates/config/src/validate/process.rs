//! Who an app's processes are, and what they are left.

use crate::document::{Section, Value};
use crate::problem::{Problem, Problems};
use crate::text::size;
use gapless_model::ResourceLimits;
use gapless_model::process::ProcessSpec;

/// The least memory that is taken for a limit, in bytes.
const LEAST_MEMORY: u64 = 4_000_000;

/// What the app says of it.
pub(super) fn of_app(section: &Section, problems: &mut Problems) -> ProcessSpec {
    let text = |key: &str| section.text(key).map(str::to_owned);
    ProcessSpec {
        user: text("user"),
        group: text("group"),
        umask: umask(section, problems),
        nofile: section.mentions("nofile").then(|| section.number("nofile")),
        limits: limits(section, problems),
    }
}

/// What an instance may take of the machine.
fn limits(app: &Section, problems: &mut Problems) -> ResourceLimits {
    let Some(section) = app.section("limits") else { return ResourceLimits::default() };
    let number = |section: &Section, key: &str| match section.get(key) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let small = |key: &str| number(section, key).and_then(|number| u32::try_from(number).ok());
    let limits = ResourceLimits { memory: number(section, "memory"), cpu: small("cpu"), pids: small("pids") };
    let Some(memory) = limits.memory else { return limits };
    if memory < LEAST_MEMORY {
        let problem =
            Problem::new(format!("`memory` in [{}] cannot be {}", section.path, size::show(memory)));
        let problem = problem.at(section.place("memory"), "no program runs in so little");
        problems.add(problem.help("write at least `\"4MB\"`; a Node app needs about `\"100MB\"`"));
    }
    if let Some(watched) = number(app, "max_memory").filter(|watched| *watched > memory) {
        let message = "an instance would be killed before it takes so much that it is replaced";
        let problem = Problem::new(format!("{message} in [{}]", app.path))
            .at(section.place("memory"), format!("killed beyond {}", size::show(memory)))
            .at(app.place("max_memory"), format!("replaced beyond {}", size::show(watched)));
        problems.add(problem.help("make `max_memory` less than `limits.memory`, or leave it out"));
    }
    limits
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
