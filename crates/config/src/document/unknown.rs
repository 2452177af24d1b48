//! Keys that no table has: what was meant, or where it belongs.

use crate::keys::{Kind, ROOT, Table};
use crate::nearest;
use crate::problem::Problem;
use miette::SourceSpan;

/// What other tools call it. Only for words that no distance would find.
const SYNONYMS: [(&str, &str); 23] = [
    ("services", "apps"),
    ("script", "command"),
    ("exec", "command"),
    ("cmd", "command"),
    ("run", "command"),
    ("start", "command"),
    ("replicas", "instances"),
    ("scale", "instances"),
    ("processes", "instances"),
    ("environment", "env"),
    ("dotenv", "env_file"),
    ("dir", "cwd"),
    ("directory", "cwd"),
    ("working_directory", "cwd"),
    ("workdir", "cwd"),
    ("health", "ready"),
    ("healthcheck", "ready"),
    ("readiness", "ready"),
    ("liveness", "live"),
    ("bind", "listen"),
    ("address", "listen"),
    ("domain", "host"),
    ("prefix", "path"),
];

/// The problem of a key that `table` has not, and the key of it that was meant, if that is clear.
pub(super) fn problem(
    table: &'static Table,
    path: &str,
    name: &str,
    span: SourceSpan,
) -> (Problem, Option<&'static str>) {
    let place = match path {
        "" => "at the top of the file".to_owned(),
        path => format!("in [{path}]"),
    };
    let problem = Problem::new(format!("unknown key `{name}` {place}"));
    let keys = || table.keys.iter().map(|key| key.name);
    let all = format!("the keys {place} are {}", nearest::listed(keys()));
    let synonym = SYNONYMS.iter().find(|(word, key)| *word == name && table.key(key).is_some());
    if let Some((_, key)) = synonym {
        return (problem.at(span, format!("here it is `{key}`")).help(all), Some(key));
    }
    let homes = homes(name, path.split('.').nth(1).unwrap_or("NAME"));
    match homes.as_slice() {
        [] => {}
        [.., last] if homes.len() > 3 => {
            let others = homes[..homes.len() - 1].join(", ");
            let help = format!("`{name}` is a key of {others} and {last}");
            return (problem.at(span, "no such key here").help(help), None);
        }
        few => {
            let label = format!("it belongs in {}", few.join(" or "));
            return (problem.at(span, label).help(all), None);
        }
    }
    match nearest::of(name, keys()) {
        Some(near) => (problem.at(span, format!("did you mean `{near}`?")).help(all), Some(near)),
        None => (problem.at(span, "no such key").help(all), None),
    }
}

/// The headers of the tables that have such a key, for the app that it was written in.
fn homes(name: &str, app: &str) -> Vec<String> {
    let mut homes = Vec::new();
    collect(&ROOT, name, &mut homes);
    homes.iter().map(|home| home.replace("NAME", app)).collect()
}

fn collect(table: &'static Table, name: &str, homes: &mut Vec<String>) {
    for key in table.keys {
        if let Kind::Table(inner) | Kind::Named(inner) | Kind::Tables(inner) = key.kind {
            if inner.keys.iter().any(|key| key.name == name) {
                homes.push(match key.kind {
                    Kind::Tables(_) => format!("[[{}]]", inner.path),
                    _ => format!("[{}]", inner.path),
                });
            }
            collect(inner, name, homes);
        }
    }
}
