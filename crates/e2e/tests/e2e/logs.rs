//! What apps say is captured whole, whatever it is, and can be read while it comes: across instances, reloads
//! and rotations.

use gapless_api::request::LogLine;
use gapless_e2e::{CaseApp, PATIENCE, Site};
use gapless_sys::process;
use gapless_testkit::wait::wait_for;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Stdio};

fn parsed(text: &str) -> Vec<LogLine> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last lines of an app, by these options.
fn logs(site: &Site, app: &str, options: &[&str]) -> Vec<LogLine> {
    let words = [&["logs", app, "-n", "1000000", "--json"], options].concat();
    parsed(&site.gapless(&words).succeeds().out)
}

/// Those that were said on one stream.
fn texts(lines: &[LogLine], err: bool) -> Vec<&str> {
    lines.iter().filter(|line| line.err == err).map(|line| line.text.as_str()).collect()
}

/// `gapless logs -f` that writes to a file.
struct Followed<'a> {
    site: &'a Site,
    child: Child,
}

impl<'a> Followed<'a> {
    fn begin(site: &'a Site, app: &str) -> Self {
        let out = File::create(site.path().join("followed")).unwrap();
        let mut command = site.command(&["logs", app, "-f", "-n", "1000000", "--json"]);
        let child = command.stdout(out).stderr(Stdio::inherit()).spawn().unwrap();
        Self { site, child }
    }

    fn so_far(&self) -> Vec<LogLine> {
        let text = fs::read_to_string(self.site.path().join("followed")).unwrap();
        // The last line may be half written.
        parsed(text.rsplit_once('\n').map_or("", |(whole, _)| whole))
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&[LogLine]) -> bool) -> Vec<LogLine> {
        wait_for(what, PATIENCE, || Some(self.so_far()).filter(|lines| is_so(lines)))
    }
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds that each instance's lines are `line 1`, `line 2`, … without a gap.
fn counted_on(lines: &[LogLine]) {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        let n: u64 = line.text.strip_prefix("line ").unwrap().parse().unwrap();
        let before = last.insert(line.instance.to_string(), n).unwrap_or(0);
        assert_eq!(n, before + 1, "{}: line {n} after line {before}", line.instance);
    }
    assert!(lines.is_sorted_by_key(|line| line.at), "not in order of time");
}

#[test]
fn stdout_and_stderr_are_kept_apart() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "echo to out; echo to err >&2; echo out again; exec sleep 600"]
"#,
    );
    let _ = site.gapless(&["up"]).succeeds();
    let all = wait_for("three lines", PATIENCE, || Some(logs(&site, "app", &[])).filter(|l| l.len() == 3));
    assert_eq!((texts(&all, false), texts(&all, true)), (vec!["to out", "out again"], vec!["to err"]));
    assert_eq!(texts(&logs(&site, "app", &["--out"]), false), ["to out", "out again"]);
    assert_eq!(logs(&site, "app", &["--out"]).len(), 2);
    assert_eq!(texts(&logs(&site, "app", &["--err"]), true), ["to err"]);
    assert_eq!(logs(&site, "app", &["--err"]).len(), 1);
    let _ = site.gapless(&["logs", "app"]).says("app-1 | to out").says("app-1 ! to err");
    let file = |name: &str| fs::read_to_string(site.home().join("logs/app").join(name)).unwrap();
    assert!(file("out.log").ends_with(" app-1 out again\n") && file("err.log").ends_with(" app-1 to err\n"));
}

#[test]
fn they_are_followed_across_the_death_of_control() {
    let site = Site::new();
    let count = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done";
    site.write("gapless.toml", format!("[apps.counter]\ncommand = [\"sh\", \"-c\", {count:?}]\n"));
    let _ = site.gapless(&["up"]).succeeds();
    let followed = Followed::begin(&site, "counter");
    for _ in 0..2 {
        let so_far = followed.until("lines", |lines| !lines.is_empty()).len();
        let _: u32 = site.kill_control();
        followed.until("more lines", |lines| lines.len() > so_far + 50);
    }
    // Once each, as they are in the file.
    let lines = followed.so_far();
    let written = logs(&site, "counter", &[]);
    assert_eq!(lines, written[..lines.len()]);
}

#[test]
fn they_are_followed_across_instances_and_a_reload() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"]
instances = 3
[apps.app.rollout]
bake = "200ms"
"#,
    );
    let _ = site.gapless(&["up"]).succeeds();
    let followed = Followed::begin(&site, "app");
    let named = |n: u32| format!("app-{n}");
    let said_by = move |lines: &[LogLine], n: u32, least: usize| {
        lines.iter().filter(|line| line.instance.to_string() == named(n)).count() >= least
    };
    followed.until("all three", |lines| (1..=3).all(|n| said_by(lines, n, 10)));
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let lines = followed.until("the three after them", |lines| (4..=6).all(|n| said_by(lines, n, 30)));
    counted_on(&lines);
    // What is followed and what is read back are the same.
    let again = logs(&site, "app", &[]);
    assert_eq!(again[..lines.len()], lines);
}

#[test]
fn rotation_loses_nothing_for_those_who_follow_and_is_bounded() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; [ $((i % 20)) = 0 ] && sleep 0.01; done"]
[apps.app.logs]
max_size = "8KiB"
keep = 3
"#,
    );
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    site.wait_until("app", "it to run", |app| app.ready == 1);
    let followed = Followed::begin(&site, "app");
    let from = followed.until("the first", |lines| !lines.is_empty());
    // Some forty bytes each: the file is full again and again.
    let lines = followed.until("many rotations", |lines| lines.len() > from.len() + 4000);
    let numbers: Vec<u64> =
        lines.iter().map(|l| l.text.strip_prefix("line ").unwrap().parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap: {numbers:?}");
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let mut files: Vec<(String, u64)> = fs::read_dir(site.home().join("logs/app"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    files.sort();
    files.retain(|(name, _)| name.starts_with("out"));
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["out.1.log", "out.2.log", "out.3.log", "out.log"]);
    assert!(files.iter().all(|(_, size)| *size < 10 * 1024), "{files:?}");
}

#[test]
fn bytes_that_are_no_text() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "printf 'a\\377\\376b\\nlatin \\351t\\351\\n\\0nul\\n\\033[31mred\\033[0m\\nend without a line feed'; exec sleep 600"]
"#,
    );
    let _ = site.gapless(&["up"]).succeeds();
    let all = wait_for("five lines", PATIENCE, || Some(logs(&site, "app", &[])).filter(|l| l.len() == 5));
    assert_eq!(
        texts(&all, false),
        [
            "a\u{fffd}\u{fffd}b",
            "latin \u{fffd}t\u{fffd}",
            "\0nul",
            "\u{1b}[31mred\u{1b}[0m",
            "end without a line feed"
        ]
    );
    let file = fs::read(site.home().join("logs/app/out.log")).unwrap();
    assert!(file.windows(4).any(|bytes| bytes == b"a\xff\xfeb"), "the file has the bytes as they were");
}

#[test]
fn a_line_of_many_megabytes() {
    const PIECES: usize = 64;
    const PIECE: usize = 256 * 1024;
    let site = Site::new();
    site.write(
        "gapless.toml",
        format!(
            "[apps.app]\ncommand = [\"sh\", \"-c\", \"for i in $(seq {PIECES}); do head -c {PIECE} /dev/zero | tr '\\\\0' x; \
             done; echo; echo end; exec sleep 600\"]\n[apps.app.logs]\nmax_size = \"100MB\"\n"
        ),
    );
    let _ = site.gapless(&["up"]).succeeds();
    wait_for("its end", PATIENCE, || {
        let last = parsed(&site.gapless(&["logs", "app", "-n", "1", "--json"]).succeeds().out);
        last.first().filter(|line| line.text == "end").map(drop)
    });
    let all = logs(&site, "app", &[]);
    let (end, long) = all.split_last().unwrap();
    assert_eq!(end.text, "end");
    assert!(long.iter().all(|piece| piece.text.bytes().all(|byte| byte == b'x')));
    assert_eq!(long.iter().map(|piece| piece.text.len()).sum::<usize>(), PIECES * PIECE);
    assert_eq!(site.status().gapless.troubles, Vec::<String>::new());
    // It never held the whole line.
    let control = process::stat(site.status().gapless.control_pid).unwrap();
    let resident = control.resident_pages * 4096;
    assert!(resident < 64 << 20, "control has {resident} bytes");
}

#[test]
fn a_failed_release_can_be_read() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    CaseApp::new(1).env("VERSION", "v2").env("CRASH_AT_BOOT", 1).define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("DATABASE_URL is not set");
    let err = logs(&site, "app", &["--err"]);
    let failed = err.iter().find(|line| line.text.contains("DATABASE_URL is not set")).unwrap();
    assert_eq!(failed.instance.to_string(), "app-2");
    assert!(logs(&site, "app", &[]).iter().any(|line| line.text == "v1: listening on port 3000"));
}

#[test]
fn of_an_app_that_is_not_there() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["logs", "apq"]).exits(2).says("apq");
}
