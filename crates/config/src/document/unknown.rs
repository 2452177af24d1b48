//! Keys that no table has: what was meant, or where it belongs.

use crate::keys::{Kind, ROOT, Table};
use crate::nearest;
use crate::problem::Problem;
use miette::SourceSpan;

/// What other tools call it. Only for words that no distance would find.
const SYNONYMS: [(&str, &str); 24] = [
    ("app", "apps"),
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

/// The problem of a key that `table` has not.
pub(super) fn problem(table: &'static Table, path: &str, name: &str, span: SourceSpan) -> Problem {
    let place = match path {
        "" => "at the top of the file".to_owned(),
        path => format!("in [{path}]"),
    };
    let problem = Problem::new(format!("unknown key `{name}` {place}"));
    let keys = || table.built().map(|key| key.name);
    let all = format!("the keys {place} are {}", nearest::listed(keys()));
    let app = path.split('.').nth(1).unwrap_or("NAME");
    let elsewhere = homes(name, app);
    let synonym = SYNONYMS.iter().find(|(word, key)| *word == name && table.key(key).is_some());
    if let Some((_, key)) = synonym {
        return problem.at(span, format!("here it is `{key}`")).help(all);
    }
    if !elsewhere.is_empty() && elsewhere.len() <= 3 {
        let homes = nearest::listed(elsewhere.iter().map(String::as_str)).replace(" and ", " or ");
        return problem.at(span, format!("it belongs in {}", homes.replace('`', ""))).help(all);
    }
    match nearest::of(name, keys()) {
        Some(near) => problem.at(span, format!("did you mean `{near}`?")).help(all),
        None => problem.at(span, "no such key").help(all),
    }
}

/// The headers of the tables that have such a key, for the app that it was written in.
fn homes(name: &str, app: &str) -> Vec<String> {
    let mut homes = Vec::new();
    collect(&ROOT, name, &mut homes);
    homes.iter().map(|home| home.replace("NAME", app)).collect()
}

fn collect(table: &'static Table, name: &str, homes: &mut Vec<String>) {
    for key in table.built() {
        if let Kind::Table(inner) | Kind::Named(inner) | Kind::Tables(inner) = key.kind {
            if inner.built().any(|key| key.name == name) {
                homes.push(match key.kind {
                    Kind::Tables(_) => format!("[[{}]]", inner.path),
                    _ => format!("[{}]", inner.path),
                });
            }
            collect(inner, name, homes);
        }
    }
}
