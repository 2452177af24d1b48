//! Files that cannot be read, or are not what they should be.

use crate::rendering::{Project, said, shown};
use std::fmt::Write;
use std::os::unix::fs::symlink;

#[test]
fn the_file_itself() {
    let mut text = String::new();
    let mut case = |title: &str, prepare: &dyn Fn(&Project)| {
        let project = Project::new();
        prepare(&project);
        writeln!(text, "━━ {title}\n{}", project.said()).unwrap();
    };
    case("missing", &|_| {});
    case("missing, with one like it", &|p| p.write("gaples.toml", ""));
    case("a directory", &|p| std::fs::create_dir(p.path().join("gapless.toml")).unwrap());
    case("a cycle of links", &|p| symlink("gapless.toml", p.path().join("gapless.toml")).unwrap());
    case("BOM", &|p| p.write("gapless.toml", b"\xef\xbb\xbf[apps.api]\ncommand = \"a\"\n"));
    case("UTF-16", &|p| p.write("gapless.toml", b"\xff\xfe[\0a\0"));
    case("not UTF-8", &|p| p.write("gapless.toml", b"[apps.api]\ncommand = \"a\xe9b\"\nport = 1\n"));
    case("empty", &|p| p.write("gapless.toml", ""));
    case("comments only", &|p| p.write("gapless.toml", "# soon\n"));
    case("no apps", &|p| p.write("gapless.toml", "[proxy]\nworkers = 2\n"));
    case("an empty table of apps", &|p| p.write("gapless.toml", "[apps]\n"));
    case("huge", &|p| p.write("gapless.toml", vec![b'#'; 5_000_000]));
    shown("the_file_itself", &text);
}

#[test]
fn the_directory_of_an_app() {
    let mut text = String::new();
    let mut case = |title: &str, cwd: &str, prepare: &dyn Fn(&Project)| {
        let project = Project::new();
        project.write("gapless.toml", format!("[apps.api]\ncommand = \"a\"\ncwd = \"{cwd}\"\n"));
        prepare(&project);
        writeln!(text, "━━ {title}\n{}", project.said()).unwrap();
    };
    case("missing", "elsewhere", &|_| {});
    case("a slip", "serevr", &|p| std::fs::create_dir(p.path().join("server")).unwrap());
    case("a file", "package.json", &|p| p.write("package.json", "{}"));
    case("a cycle of links", "loop", &|p| symlink("loop", p.path().join("loop")).unwrap());
    case("below a file", "package.json/src", &|p| p.write("package.json", "{}"));
    case("empty", "", &|_| {});
    case("there", "./server/", &|p| std::fs::create_dir(p.path().join("server")).unwrap());
    shown("the_directory_of_an_app", &text);
}

#[test]
fn the_directory_of_error_pages() {
    let mut text = String::new();
    let mut case = |title: &str, at: &str, prepare: &dyn Fn(&Project)| {
        let project = Project::new();
        let keys = "error_pages = \"errors\"\n";
        let (app, proxy) = if at == "app" { (keys, "") } else { ("", keys) };
        project.write("gapless.toml", format!("[apps.api]\ncommand = \"a\"\n{app}[proxy]\n{proxy}"));
        prepare(&project);
        writeln!(text, "━━ {title}\n{}", project.said()).unwrap();
    };
    let page = |p: &Project, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(p.path().join("errors")).unwrap();
        p.write(&format!("errors/{name}"), bytes);
    };
    case("missing", "app", &|_| {});
    case("a slip", "proxy", &|p| std::fs::create_dir(p.path().join("error")).unwrap());
    case("a file", "proxy", &|p| p.write("errors", "{}"));
    case("no page", "app", &|p| page(p, "500.html", b"x"));
    case("too large", "app", &|p| page(p, "503.html", &[b'x'; 70_000]));
    case("no text", "app", &|p| page(p, "503.html", b"\xff"));
    case("a directory for a page", "app", &|p| {
        std::fs::create_dir_all(p.path().join("errors/503.html")).unwrap()
    });
    case("fine", "app", &|p| page(p, "503.html", b"x"));
    shown("the_directory_of_error_pages", &text);
}

#[test]
fn the_environment_file() {
    let mut text = String::new();
    let mut case = |title: &str, bytes: &[u8]| {
        let project = Project::new();
        project.write("gapless.toml", "[apps.api]\ncommand = \"a\"\nenv_file = \".env\"\n");
        project.write(".env", bytes);
        writeln!(text, "━━ {title}\n{}", project.said()).unwrap();
    };
    case("fine", b"A=1\n");
    case("no equals sign", b"A=1\nSECRET\n");
    case("an open quote", b"A=\"secret\nB=1\n");
    case("no name", b"=secret\n");
    case("a bad name", b"MY KEY=secret\n");
    case("not UTF-8", b"A=1\nB=\xff\n");
    case("BOM", b"\xef\xbb\xbfA=1\n");
    case("ours", b"A=1\nGAPLESS_HOME=/x\n");
    assert!(!text.contains("secret"), "a value is told:\n{text}");
    text += &said("[apps.api]\ncommand = \"a\"\nenv_file = \".env.prod\"\n");
    text += &said("[apps.api]\ncommand = \"a\"\n[admin]\ntoken_file = \"token\"\n");
    shown("the_environment_file", &text);
}
