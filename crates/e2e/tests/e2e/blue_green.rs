//! No request is lost while a whole second set of instances takes the place of the first in one step, nor while it
//! gives it back; and before that step nobody sees it who may not.

use gapless_api::status::AppStatus;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, Outcome, Site, free_address, gapless};
use gapless_model::{Receipt, RolloutPhase, WaitingOn};
use std::fs;
use std::path::Path;
use std::time::Duration;

const INSTANCES: u32 = 2;

/// Far above the 10 ms that are promised: other tests have their turn on the same cores. The bench holds the promise.
const FLIP_AT_MOST: Duration = Duration::from_secs(2);

fn app(version: &str, rollout: &str) -> CaseApp {
    let rollout = format!("strategy = \"blue-green\"\n{rollout}");
    CaseApp { rollout, ..CaseApp::new(INSTANCES).env("VERSION", version) }
}

fn is_in(app: &AppStatus, word: &str) -> bool {
    app.rollout.as_ref().is_some_and(|rollout| rollout.phase.word() == word)
}

fn in_phase(site: &Site, word: &str) -> AppStatus {
    site.wait_until("app", word, |app| is_in(app, word))
}

fn version_at(customer: &Customer) -> String {
    let answer = customer.get("/").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["version"].as_str().unwrap().to_owned()
}

fn public(site: &Site) -> String {
    version_at(&Customer::of(site.address()))
}

/// The receipt that a command with `--json` has printed.
fn receipt(outcome: &Outcome) -> Receipt {
    let json: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    serde_json::from_value(json["apps"][0]["receipt"].clone()).unwrap()
}

fn flipped_to(receipt: &Receipt) -> Vec<u32> {
    let took = receipt.flips.iter().map(|flip| Duration::from_micros(flip.micros));
    assert!(took.max() < Some(FLIP_AT_MOST), "{:?}", receipt.flips);
    receipt.flips.iter().map(|flip| flip.to.0).collect()
}

/// That version 1 serves as if nothing had been tried: the same processes, and no others.
#[track_caller]
fn untouched(site: &Site, before: &AppStatus) {
    let app = site.wait_until("app", "only the old ones are left", |app| {
        app.rollout.is_none() && app.instances.len() == INSTANCES as usize
    });
    let pids = |app: &AppStatus| app.instances.iter().map(|i| (i.pid, i.restarts)).collect::<Vec<_>>();
    assert_eq!(pids(&app), pids(before));
    assert_eq!((app.release, app.ready), (before.release, INSTANCES));
    assert_eq!(app.split.values().copied().collect::<Vec<_>>(), [100]);
    assert_eq!(public(site), "v1");
}

/// In no file of the installation that is not for its owner alone, nor in any log.
fn kept_secret(directory: &Path, secret: &str) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            kept_secret(&entry.path(), secret);
        } else if kind.is_file() {
            let holds = fs::read(entry.path()).unwrap().windows(secret.len()).any(|w| w == secret.as_bytes());
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let name = entry.path().display().to_string();
            assert!(!holds || (mode == 0o600 && name.contains("journal.db")), "{name} {mode:o}");
        }
    }
}

/// Passes when it has seen the new release by its preview.
const SMOKE: &str = r#"
command = ["node", "-e", """
const at = process.env.GAPLESS_PREVIEW_URL;
const asked = await fetch(at);
const { version } = await asked.json();
console.log(`${at} is ${version}`);
process.exit(version === process.env.VERSION && process.env.GAPLESS_APP === 'app' ? 0 : 1);
""", "--input-type=module"]
checks = [{ path = "/ready", contains = "true" }, { path = "/status?code=204", status = 204 }]
"#;

#[test]
fn flips_that_lose_nothing() {
    let site = Site::new();
    let smoke = format!("[apps.app.rollout.verify]\n{SMOKE}");
    let version = |version: &str| CaseApp { tables: smoke.clone(), ..app(version, "") };
    version("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    for n in 2..=4 {
        version(&format!("v{n}")).define(&site);
        let up = site.gapless(&["up", "--json"]).succeeds();
        let receipt = receipt(&up);
        assert_eq!(receipt.traffic.failed, 0, "{receipt:?}");
        assert_eq!(flipped_to(&receipt), [n]);
        let phases: Vec<_> = receipt.phases.iter().map(|phase| phase.phase.as_str()).collect();
        assert_eq!(phases, ["replacing", "verifying", "baking", "retiring"]);
    }
    let report = nothing_lost(load);
    for version in ["v1", "v2", "v3", "v4"] {
        assert!(report.answers_of(version) > 0, "{version}: {report}");
    }
    let app = site.app("app");
    assert_eq!((app.ready, app.instances.len()), (INSTANCES, INSTANCES as usize));
}

#[test]
fn what_memory_a_second_set_will_miss_is_said() {
    let site = Site::new();
    let real = fs::read_to_string("/proc/meminfo").unwrap();
    let little = real.lines().map(|line| match line.split_once(':') {
        Some(("MemAvailable", _)) => "MemAvailable:       2048 kB\n".to_owned(),
        _ => format!("{line}\n"),
    });
    let little = site.write("meminfo", little.collect::<String>());
    // A machine with little memory left, for Gapless and whatever it starts.
    let with_little = |words: &[&str]| {
        let mut command = site.command_of("unshare", &["--mount", "sh", "-c"]);
        command.arg("mount --bind \"$0\" /proc/meminfo && exec \"$@\"").arg(&little).args(words);
        command
    };
    if !with_little(&["true"]).status().unwrap().success() {
        eprintln!("needs the right to mount: not tried");
        return;
    }
    app("v1", "").define(&site);
    let _ = Site::run(&["up"], with_little(&[&gapless().display().to_string(), "up"])).succeeds();
    site.wait_until("app", "its memory is known", |app| app.instances.iter().all(|i| i.memory.is_some()));
    let taken: u64 = site.instances("app").iter().filter_map(|i| i.memory).sum();
    assert!(taken > 4 << 20, "{taken}");
    app("v2", "").define(&site);
    let up = site.gapless(&["up"]).succeeds();
    let _ =
        up.says("a second set beside the first takes about ").says(" MiB more, and 2.0 MiB are available");
    let rolling = site.gapless(&["reload", "app", "--strategy", "rolling"]).succeeds();
    assert!(!rolling.text().contains("second set"), "{}", rolling.text());
}

/// An app that is usually replaced instance by instance, once by this strategy.
#[test]
fn by_the_command() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site
        .gapless(&["reload", "app", "--strategy", "blue-green"])
        .succeeds()
        .says(" 0 lost")
        .says("flip       to r2 in ");
    nothing_lost(load);
}

#[test]
fn a_check_that_gets_a_wrong_answer() {
    let checks = "verify = { checks = [{ path = \"/status?code=500\" }] }";
    let outcome = unfit(&app("v2", checks));
    let _ = outcome.says("GET /status?code=500 answered 500, not 200");
}

#[test]
fn a_command_that_fails() {
    let verify = r#"verify = { command = ["sh", "-c", "echo checkout is broken; exit 3"] }"#;
    let outcome = unfit(&app("v2", verify));
    let _ = outcome.says("exited with code 3").says("| checkout is broken");
}

#[test]
fn checks_that_come_to_no_end() {
    let verify = "verify = { command = \"sleep 600\", timeout = \"1s\" }";
    let outcome = unfit(&app("v2", verify));
    let _ = outcome.says("did not end within 1s");
}

/// Rolls out what does not pass, under load.
fn unfit(bad: &CaseApp) -> Outcome {
    let site = Site::new();
    app("v1", "").up(&site);
    let before = site.app("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    bad.define(&site);
    let outcome = site.gapless(&["up"]).exits(3).says("did not pass its checks").says(" 0 lost");
    let report = nothing_lost(load);
    assert_eq!(report.answers_of("v2"), 0, "{report}");
    untouched(&site, &before);
    outcome
}

/// Waits until a rollout has flipped, in every worker.
fn flipped(site: &Site) {
    site.wait_until("app", "the new set has all traffic", |app| {
        let under_way = |on: &WaitingOn| matches!(on, WaitingOn::SplitApplied { .. });
        app.rollout.as_ref().is_some_and(|rollout| app.split.get(&rollout.to) == Some(&100))
            && !app.waiting.iter().any(|waiting| under_way(&waiting.on))
    });
}

#[test]
fn rolled_back_within_the_bake() {
    let site = Site::new();
    app("v1", "").up(&site);
    let before = site.app("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    CaseApp { bake: "60s".into(), ..app("v2", "") }.define(&site);
    let up = site.begin(&["up", "--json"]);
    let baking = in_phase(&site, "baking");
    let started: Vec<_> = baking.instances.iter().map(|i| i.id.clone()).collect();
    flipped(&site);
    assert_eq!(public(&site), "v2");
    let _ =
        site.gapless(&["rollback", "app"]).succeeds().says("r1 goes on serving").says("flips      to r2 in ");
    let up = receipt(&up.wait().exits(3));
    assert_eq!(flipped_to(&up), [2, 1]);
    nothing_lost(load);
    assert!(site.app("app").instances.iter().all(|i| started.contains(&i.id)), "nothing was started");
    untouched(&site, &before);
}

#[test]
fn a_failing_probe_within_the_bake() {
    let site = Site::new();
    app("v1", "").up(&site);
    let before = site.app("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    CaseApp { bake: "60s".into(), ..app("v2", "") }.define(&site);
    let up = site.begin(&["up", "--json"]);
    flipped(&site);
    assert_eq!(Customer::of(site.address()).post("/unready?ms=60000", b"x").unwrap().status, 200);
    let up = receipt(&up.wait().exits(3));
    assert_eq!(flipped_to(&up), [2, 1]);
    nothing_lost(load);
    untouched(&site, &before);
}

#[test]
fn crashes_within_the_bake() {
    let site = Site::new();
    app("v1", "").up(&site);
    let before = site.app("app");
    // Keyed: a version that crashes takes down what it has begun, and only such requests may be sent again.
    let load = begin(plan(&site, Clients::Mixed, true));
    // Both, so that the second may have what the first had begun.
    CaseApp { bake: "60s".into(), ..app("v2", "").env("CRASH_AFTER_MS", 2_000) }.define(&site);
    let up = site.begin(&["up"]);
    flipped(&site);
    let _ = up.wait().exits(3).says("it became ready, then exited");
    nothing_lost(load);
    untouched(&site, &before);
}

#[test]
fn seen_by_those_who_may_until_it_is_promoted() {
    let site = Site::new();
    let preview = free_address();
    let rollout = format!("autopromote = false\npreview = \"{preview}\"");
    app("v1", &rollout).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2", &rollout).define(&site);
    let up = site.begin(&["up", "--json"]);
    let waiting = in_phase(&site, "verified");
    let secret = waiting.rollout.unwrap().preview.unwrap().secret.as_str().to_owned();
    assert_eq!(secret.len(), 32);
    let _ = site
        .gapless(&["status", "app"])
        .succeeds()
        .says(&format!("http://{preview}"))
        .says(&format!("x-gapless-preview: {secret}"))
        .says("`gapless promote`");
    let asks = |secret: &str| Customer::of(site.address()).header("x-gapless-preview", secret);
    assert_eq!(public(&site), "v1");
    assert_eq!(version_at(&asks(&secret)), "v2");
    assert_eq!(version_at(&asks("0123456789abcdef0123456789abcdef")), "v1");
    assert_eq!(version_at(&Customer::of(preview)), "v2");
    kept_secret(&site.home(), &secret);

    let _ = site.gapless(&["promote", "app"]).succeeds();
    let up = receipt(&up.wait().succeeds());
    assert_eq!((up.traffic.failed, flipped_to(&up)), (0, vec![2]));
    nothing_lost(load);
    assert_eq!(public(&site), "v2");
    assert_eq!(Customer::of(preview).get("/").unwrap().status, 404, "there is nothing to be seen");
    kept_secret(&site.home(), &secret);
}

#[test]
fn given_up_instead_of_promoted() {
    let site = Site::new();
    let rollout = "autopromote = false\npromote_deadline = \"2s\"";
    app("v1", rollout).up(&site);
    let before = site.app("app");
    app("v2", "autopromote = false").define(&site);
    let up = site.begin(&["up"]);
    in_phase(&site, "verified");
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = up.wait().exits(3).says("was taken back as asked");
    untouched(&site, &before);
    // And by whom nobody says anything about.
    app("v3", rollout).define(&site);
    let _ = site.gapless(&["up"]).exits(3).says("was not promoted").says("within 2s");
    untouched(&site, &before);
}

#[test]
fn control_is_killed_in_each_phase() {
    let site = Site::new();
    let rollout = r#"
autopromote = false
verify = { command = ["sh", "-c", "while [ ! -e passed ]; do sleep 0.05; done"], timeout = "60s" }"#;
    app("v1", rollout).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    CaseApp { bake: "2s".into(), ..app("v2", rollout).env("BOOT_MS", 1_000) }.define(&site);
    let up = site.begin(&["up"]);
    for phase in ["replacing", "verifying"] {
        in_phase(&site, phase);
        site.kill_control();
    }
    in_phase(&site, "verifying");
    assert_eq!(public(&site), "v1");
    site.write("passed", "");
    let secret = |app: AppStatus| app.rollout.unwrap().preview.unwrap().secret;
    let before = secret(in_phase(&site, "verified"));
    site.kill_control();
    let after = secret(in_phase(&site, "verified"));
    assert_eq!(before, after, "who was let in before is let in still");
    let seen = Customer::of(site.address()).header("x-gapless-preview", after.as_str());
    assert_eq!((public(&site).as_str(), version_at(&seen).as_str()), ("v1", "v2"));
    let _ = site.gapless(&["promote", "app"]).succeeds();
    in_phase(&site, "baking");
    site.kill_control();
    drop(up.wait());
    let done = site.wait_until("app", "it is replaced", |app| {
        app.rollout.is_none() && app.instances.len() == INSTANCES as usize
    });
    assert_eq!((done.release.map(|r| r.0), done.ready), (Some(2), INSTANCES));
    nothing_lost(load);
    assert_eq!(public(&site), "v2");
}

/// A first release has no set beside which it could wait.
#[test]
fn the_first_release_is_public_at_once() {
    let site = Site::new();
    app("v1", "autopromote = false").up(&site);
    assert_eq!(public(&site), "v1");
    assert!(!matches!(site.app("app").rollout.map(|r| r.phase), Some(RolloutPhase::Verified { .. })));
}
