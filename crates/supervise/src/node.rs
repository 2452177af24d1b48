//! Whether a command runs Node, so that the preload can adopt its `listen`.

use gapless_model::CommandLine;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Commands that are Node, or start it: themselves mostly scripts for Node, but also shims of version managers
/// that are not.
const NAMES: [&str; 18] = [
    "node",
    "nodejs",
    "npm",
    "npx",
    "pnpm",
    "pnpx",
    "yarn",
    "yarnpkg",
    "corepack",
    "tsx",
    "ts-node",
    "nodemon",
    "next",
    "nuxt",
    "nest",
    "vite",
    "astro",
    "react-router-serve",
];

/// Words that may stand before the real command.
const PREFIXES: [&str; 4] = ["exec", "env", "nice", "dumb-init"];

/// Whether `command` runs Node: by the name of its first word, or by the first line of the file that `find`
/// says it is.
pub(crate) fn runs_node(command: &CommandLine, find: impl Fn(&str) -> Option<PathBuf>) -> bool {
    let Some(word) = first_word(command) else { return false };
    let name = word.rsplit('/').next().unwrap_or(&word);
    NAMES.contains(&name) || find(&word).is_some_and(|file| is_node_script(&file))
}

/// The first word that is neither an assignment nor one of [`PREFIXES`]. A line for the shell is split at
/// spaces only: quoted program names with spaces are not recognised, which costs the preload, no more.
fn first_word(command: &CommandLine) -> Option<String> {
    let words: Vec<&str> = match command {
        CommandLine::Words(words) => words.iter().map(String::as_str).collect(),
        CommandLine::Shell(line) => line.split_ascii_whitespace().collect(),
    };
    let passed_over = |word: &&str| {
        PREFIXES.contains(word) || word.split_once('=').is_some_and(|(name, _)| !name.contains('/'))
    };
    words.into_iter().find(|word| !passed_over(word)).map(str::to_owned)
}

/// `#!/usr/bin/env node`, `#!/usr/bin/node --flag`, `#!/usr/bin/env -S tsx`, …
fn is_node_script(file: &Path) -> bool {
    let mut start = [0; 128];
    let Ok(length) = File::open(file).and_then(|mut file| file.read(&mut start)) else { return false };
    let text = String::from_utf8_lossy(&start[..length]);
    let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) else { return false };
    line.split_ascii_whitespace().any(|word| NAMES.contains(&word.rsplit('/').next().unwrap_or(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> CommandLine {
        CommandLine::Words(line.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn known_names_are_node() {
        for line in
            ["node server.js", "/usr/bin/node x", "npm start", "env A=1 node x", "next start -p {port}"]
        {
            assert!(runs_node(&words(line), |_| None), "{line}");
            assert!(runs_node(&CommandLine::Shell(format!("NODE_ENV=x exec {line}")), |_| None), "{line}");
        }
        for line in ["python3 app.py", "nodes", "./server", "sleep 1"] {
            assert!(!runs_node(&words(line), |_| None), "{line}");
        }
    }

    #[test]
    fn a_script_says_what_runs_it() {
        let temporary = tempfile::tempdir().unwrap();
        let file = temporary.path().join("serve");
        for (first, node) in [
            ("#!/usr/bin/env node\n", true),
            ("#!/opt/node/bin/node --enable-source-maps", true),
            ("#!/usr/bin/env -S tsx\n", true),
            ("#!/bin/sh\nnode server.js", false),
            ("node", false),
        ] {
            std::fs::write(&file, first).unwrap();
            assert_eq!(runs_node(&words("./serve"), |_| Some(file.clone())), node, "{first}");
        }
    }
}
