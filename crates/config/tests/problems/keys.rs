//! Keys that no table has, and texts that are no TOML.

use crate::rendering::snapshot;

#[test]
fn unknown_keys() {
    snapshot(
        "unknown_keys",
        &[
            ("a slip", "[apps.api]\ncomand = \"node server.js\"\n"),
            ("another tool's word", "[apps.api]\nscript = \"server.js\"\ncommand = \"node server.js\"\n"),
            ("in the wrong table", "[apps.api]\ncommand = \"node server.js\"\nmax_surge = 2\n"),
            ("in one of several tables", "[apps.api]\ncommand = \"node server.js\"\ntimeout = \"3s\"\n"),
            ("a table", "[apps.api]\ncommand = \"node server.js\"\n[apps.api.redy]\npath = \"/\"\n"),
            ("at the top", "[app.api]\ncommand = \"node server.js\"\n"),
            ("nothing near", "[apps.api]\ncommand = \"node server.js\"\nxyzzy = 1\n"),
            (
                "in a route",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \":80\"\nhots = \"a\"\n",
            ),
            (
                "a deadline of its own for startup",
                "[apps.api]\ncommand = \"a\"\nport = 1\n[apps.api.startup]\ntcp = true\ndeadline = \"9s\"\n",
            ),
            ("liveness by notify", "[apps.api]\ncommand = \"a\"\nport = 1\n[apps.api.live]\nnotify = true\n"),
            ("several at once", "[apps.api]\ncomand = \"a\"\nprot = 3000\n\n[proxy]\nworker = 2\n"),
            ("dashes", "[apps.api]\ncommand = \"a\"\nenv-file = \".env\"\n"),
        ],
    );
}

#[test]
fn not_built_yet() {
    snapshot(
        "not_built_yet",
        &[
            ("canary", "[apps.api]\ncommand = \"a\"\n[apps.api.rollout]\nstrategy = \"canary\"\n"),
            ("a slip", "[apps.api]\ncommand = \"a\"\n[apps.api.rollout]\nstrategy = \"roling\"\n"),
        ],
    );
}

#[test]
fn not_toml() {
    snapshot(
        "not_toml",
        &[
            ("a key twice", "[apps.api]\ncommand = \"a\"\nport = 1\n command = \"b\" # again\n"),
            ("a table twice", "[apps.api] # one\ncommand = \"a\"\n\n[apps.api]\nport = 1\n"),
            ("an app twice inline", "apps = { a = { command = \"x\" }, a = { command = \"y\" } }\n"),
            ("a table over an inline one", "[apps]\napi = { command = \"x\" }\n[apps.api]\nport = 1\n"),
            ("no quotes", "[apps.api]\ncommand = node server.js\n"),
            ("an open quote", "[apps.api]\ncommand = \"node server.js\nport = 3000\n"),
            ("an open bracket", "[apps.api\ncommand = \"a\"\n"),
            ("no value", "[apps.api]\ncommand =\nport = 3000\n"),
            ("at the end", "[apps.api]\ncommand = [\"a\""),
            ("YAML", "apps:\n  api:\n    command: node server.js\n"),
            ("JSON", "{ \"apps\": { \"api\": { \"command\": \"node\" } } }\n"),
        ],
    );
}
