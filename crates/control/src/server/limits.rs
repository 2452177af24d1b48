//! What is said of limits that cannot be in force here.

use crate::core::Core;
use gapless_model::{AppSpec, Resource, Unlimited};

/// Sentences about these apps; none for those whose limits are in force, or will be. Makes ready for them.
pub(super) fn warnings<'a>(core: &Core, specs: impl IntoIterator<Item = &'a AppSpec>) -> Vec<String> {
    let mut found: Vec<(Unlimited, Vec<String>)> = Vec::new();
    for spec in specs {
        let Some(lacking) = core.local.lacking(&spec.release.process.limits) else { continue };
        let name = spec.name.to_string();
        match found.iter_mut().find(|(other, _)| *other == lacking) {
            Some((_, names)) => names.push(name),
            None => found.push((lacking, vec![name])),
        }
    }
    found.iter().map(|(lacking, names)| warning(lacking, &names.join(", "))).collect()
}

fn warning(lacking: &Unlimited, names: &str) -> String {
    let instead = match (lacking.has(Resource::Memory), lacking.what.len()) {
        (true, 1) => "an instance that takes more memory is replaced, as by `max_memory`",
        (true, _) => {
            "an instance that takes more memory is replaced, as by `max_memory`; nothing bounds the rest"
        }
        (false, _) => "nothing bounds it",
    };
    let be = if lacking.what.len() == 1 { "limit" } else { "limits" };
    let are = if lacking.what.len() == 1 { "is" } else { "are" };
    format!(
        "the {be} of {} for {names} {are} not in force: {}. Until then {instead}",
        lacking.keys(),
        lacking.why
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_not_in_force_is_said_so() {
        let said =
            |what: &[Resource]| warning(&Unlimited { what: what.to_vec(), why: "WHY".into() }, "api, web");
        assert_eq!(
            said(&[Resource::Memory]),
            "the limit of memory for api, web is not in force: WHY. Until then an instance that takes more memory is \
             replaced, as by `max_memory`"
        );
        assert_eq!(
            said(&[Resource::Cpu]),
            "the limit of cpu for api, web is not in force: WHY. Until then nothing bounds it"
        );
        assert_eq!(
            said(&[Resource::Memory, Resource::Cpu, Resource::Pids]),
            "the limits of memory, cpu and pids for api, web are not in force: WHY. Until then an instance that takes \
             more memory is replaced, as by `max_memory`; nothing bounds the rest"
        );
    }
}
