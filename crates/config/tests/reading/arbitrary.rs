//! Whatever the bytes are: a configuration or a report, never a panic, and a report always renders.

use camino::Utf8Path;
use gapless_config::Config;
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Has every table, and some of everything that can be written.
const VALID: &str = r#"
[proxy]
workers = 2
[apps.api]
command = "node 'my server.js' --at={port}"
instances = "max"
port = 3000
env = { NODE_ENV = "production", "ODD.NAME" = "ä\n\"" }
pass_env = ["PATH"]
[[apps.api.routes]]
listen = ":8080"
host = "*.example.com"
path = "/api/"
[[apps.api.routes]]
listen = "[::]:80"
[apps.api.ready]
path = "/ready?deep=1"
interval = "500ms"
[apps.api.rollout]
max_surge = 1
bake = "1m 30s"
[apps.api.logs]
max_size = "10MB"
[apps.worker]
command = ["sh", "-c", "true"]
stop = { signal = "SIGINT", to = "main" }
"#;

/// Pieces that mean something somewhere.
const PIECES: [&str; 24] = [
    "[", "]", "[[", "]]", "{", "}", "\"", "'", "\"\"\"", "=", ".", ",", "\n", "\\", "#", "0", "-1", "1e9",
    "ä", "true", "apps", "\0", "\u{feff}", "\r",
];

static DIRECTORY: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn survives(bytes: &[u8]) {
    let directory = Utf8Path::from_path(DIRECTORY.path()).unwrap();
    let env = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
    // By the file for any bytes; each thread its own.
    let path = directory.join(format!("{:?}.toml", std::thread::current().id()));
    std::fs::write(&path, bytes).unwrap();
    let loaded = Config::load(&path, &env);
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.starts_with('\u{feff}')
    {
        let parsed = Config::parse(path.as_str(), text.to_owned(), directory, &env);
        assert_eq!(parsed.is_ok(), loaded.is_ok());
    }
    if let Err(report) = loaded {
        assert!(!report.problems().is_empty());
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        let mut text = String::new();
        handler.render_report(&mut text, &report).unwrap();
        assert!(!text.trim().is_empty());
    }
}

/// Cuts, doubles and mixes in pieces.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let at = 0..VALID.len();
    let edit = (at, 0_usize..12, prop::sample::select(PIECES.to_vec()));
    prop::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, length, piece) in edits {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece.bytes());
        }
        bytes
    })
}

/// Takes lines away, repeats them, changes their order.
fn shuffled() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&str> = VALID.lines().collect();
    prop::collection::vec(prop::sample::select(lines), 0..40).prop_map(|lines| lines.join("\n").into_bytes())
}

#[test]
fn the_seed_is_valid() {
    let env = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
    Config::parse("seed", VALID.to_owned(), Utf8Path::new("/"), &env).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutations_of_a_valid_file(bytes in mutated()) {
        survives(&bytes);
    }

    #[test]
    fn lines_in_any_order(bytes in shuffled()) {
        survives(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn any_text_as_a_value(text in ".{0,60}", key in prop::sample::select(vec![
        "command", "cwd", "env_file", "stop.signal", "stop.timeout", "logs.max_size", "ready.path",
    ])) {
        let value = serde_json::Value::from(text).to_string();
        survives(format!("[apps.a]\n{key} = {value}\n[[apps.a.routes]]\nlisten = {value}\nhost = {value}\npath = {value}\n").as_bytes());
    }
}
