//! Apps that are given on the command line.

use camino::{Utf8Path, Utf8PathBuf};
use gapless_config::{Config, Start};
use gapless_model::{AppSpec, CommandLine, Instances};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn directory(files: &[(&str, u32)]) -> (TempDir, Utf8PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(parent.path()).unwrap().join("shop");
    std::fs::create_dir(&path).unwrap();
    for (name, mode) in files {
        std::fs::write(path.join(name), "").unwrap();
        std::fs::set_permissions(path.join(name), Permissions::from_mode(*mode)).unwrap();
    }
    (parent, path)
}

fn start(cwd: &Utf8Path, words: &[&str]) -> Start {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Start { words, cwd: cwd.to_owned(), ..Start::default() }
}

fn app(start: &Start) -> AppSpec {
    Config::from_command(start).unwrap().apps.remove(0)
}

fn told(start: &Start) -> String {
    let report = Config::from_command(start).unwrap_err();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, &report).unwrap();
    text
}

#[test]
fn scripts_and_commands() {
    let files = [("server.js", 0o644), ("job.py", 0o755), ("app", 0o755), ("my app", 0o755), ("data", 0o644)];
    let (_parent, cwd) = directory(&files);
    let name_and_words = |words: &[&str]| {
        let app = app(&start(&cwd, words));
        let CommandLine::Words(words) = app.release.command else { panic!("a shell") };
        format!("{}: {}", app.name, words.join("|"))
    };
    assert_eq!(name_and_words(&["server.js"]), "server: node|server.js");
    assert_eq!(name_and_words(&["server.js", "--port", "1 2"]), "server: node|server.js|--port|1 2");
    assert_eq!(name_and_words(&["node", "server.js"]), "server: node|server.js");
    assert_eq!(name_and_words(&["node server.js 'a b'"]), "server: node|server.js|a b");
    assert_eq!(name_and_words(&["job.py"]), "job: python3|job.py");
    assert_eq!(name_and_words(&["app"]), "app: ./app");
    assert_eq!(name_and_words(&["./app"]), "app: ./app");
    assert_eq!(name_and_words(&["my app"]), "my-app: ./my app");
    assert_eq!(name_and_words(&["npm", "start"]), "shop: npm|start");
    assert_eq!(name_and_words(&["sleep", "100"]), "sleep: sleep|100");
    assert_eq!(name_and_words(&["/usr/bin/env", "x"]), "env: /usr/bin/env|x");
}

#[test]
fn options_are_those_of_a_file() {
    let (_parent, cwd) = directory(&[("server.js", 0o644)]);
    let start = Start {
        name: Some("a.b".into()),
        instances: Some("max".into()),
        port: Some("3000".into()),
        listen: Some(":8080".into()),
        env: BTreeMap::from([("QUOTED".into(), "it's \"so\"\nand \\ so".into())]),
        ..start(&cwd, &["server.js"])
    };
    let app = app(&start);
    assert_eq!(app.name.as_str(), "a.b");
    assert_eq!(app.settings.instances, Instances::Max);
    assert_eq!(app.release.port, Some(3000));
    assert_eq!(app.release.cwd, cwd);
    assert_eq!(app.release.env["QUOTED"], "it's \"so\"\nand \\ so");
    assert_eq!(app.settings.routes[0].to_string(), "0.0.0.0:8080");
    let plain = Start { port: Some("3000".into()), ..self::start(&cwd, &["server.js"]) };
    assert_eq!(self::app(&plain).settings.routes[0].to_string(), "127.0.0.1:3000");
}

#[test]
fn what_is_wrong_is_shown_as_lines_of_a_file() {
    let (_parent, cwd) = directory(&[("server.js", 0o644), ("data", 0o644)]);
    let base = start(&cwd, &["server.js"]);
    let cases = [
        ("no instances", Start { instances: Some("0".into()), ..base.clone() }),
        ("nonsense for a number", Start { instances: Some("many".into()), ..base.clone() }),
        ("no port", Start { port: Some("70000".into()), ..base.clone() }),
        ("no address", Start { listen: Some("8080".into()), ..base.clone() }),
        ("no name", Start { name: Some("my app".into()), ..base.clone() }),
        ("a shell", start(&cwd, &["npm run build && npm start"])),
        ("nothing", start(&cwd, &[])),
        ("blank", start(&cwd, &[" "])),
        ("not a program", start(&cwd, &["data"])),
    ];
    let text: String = cases.iter().map(|(title, start)| format!("━━ {title}\n{}\n", told(start))).collect();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("started", text);
    });
}
