//! Gapless itself is replaced by another version, and taken back, under load: no request is lost, no connection
//! is reset, no instance is restarted. Whatever is no version that could take over is refused before anything is
//! touched.

use gapless_api::status::GaplessStatus;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, gapless, process, versions};
use gapless_testkit::wait::wait_for;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

fn runs_from(pid: u32, file: &Path) -> bool {
    let inode = |path: &Path| fs::metadata(path).map(|file| file.ino()).ok();
    inode(Path::new(&format!("/proc/{pid}/exe"))) == inode(file)
}

/// All parts run from this file.
fn all_are_of(now: &GaplessStatus, file: &Path) -> bool {
    [now.keeper_pid, Some(now.control_pid), now.proxy_pid]
        .into_iter()
        .all(|pid| runs_from(pid.unwrap(), file))
}

fn proxies(home: &Path) -> usize {
    let names = fs::read_dir(home).unwrap().map(|file| file.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("proxy-")).count()
}

#[test]
fn nothing_is_lost_over_eight_upgrades() {
    let site = Site::new();
    let [one, two] = versions(&site);
    CaseApp::new(2).define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    let (pids, begun) = (site.pids("app"), site.status().gapless);
    let anew =
        gapless_load::RequestKind::Post { path: "/echo".into(), size: 0..=20_000, idempotency_key: false };
    let anew = gapless_load::Stream::new("anew, POST", 8, anew).connecting_anew();
    let load =
        begin(plan(&site, Clients::KeepAlive, false).with(anew.verified_by(gapless_load::Verify::Sha256)));
    let mut former = begun.clone();
    for file in [&two, &one].into_iter().cycle().take(8) {
        let _ = site.gapless_of(file, &["upgrade"]).succeeds().says("keeper, control and proxy");
        let now = site.status().gapless;
        assert!(all_are_of(&now, file), "{now:?}");
        assert_eq!(now.keeper_pid, begun.keeper_pid, "it is replaced in place");
        assert_ne!((now.control_pid, now.proxy_pid), (former.control_pid, former.proxy_pid));
        assert_eq!(now.troubles, [""; 0]);
        let answered = load.handle().progress().right;
        wait_for("more answers", PATIENCE, || {
            (load.handle().progress().right > answered + 800).then_some(())
        });
        former = now;
    }
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let report = nothing_lost(load);
    println!("{report}");
    // Those that were followed end with their last clients.
    wait_for("one proxy to be left", PATIENCE, || {
        (proxies(&site.home()) == 1 && site.status().gapless.retiring_proxies.is_empty()).then_some(())
    });
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
}

#[test]
fn what_is_running_already_is_left_as_it_is() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let before = site.status().gapless;
    let _ = site.gapless(&["upgrade"]).succeeds().says("already");
    let after = site.status().gapless;
    assert_eq!((after.control_pid, after.proxy_pid), (before.control_pid, before.proxy_pid));
}

#[test]
fn a_rollout_that_is_in_progress_ends_as_it_should() {
    let site = Site::new();
    let [one, two] = versions(&site);
    let app = |version: &str| CaseApp { bake: "2s".into(), ..CaseApp::new(2).env("VERSION", version) };
    app("v1").define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").env("BOOT_MS", 1500).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", |app| app.instances.iter().any(|i| i.release.0 == 2));
    let _ = site.gapless_of(&two, &["upgrade"]).succeeds();
    let _ = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    let app = site.app("app");
    assert_eq!((app.ready, app.instances.len(), app.release.map(|r| r.0)), (2, 2, Some(2)));
    assert!(app.instances.iter().all(|i| i.restarts == 0));
    assert!(all_are_of(&site.status().gapless, &two));
    let report = nothing_lost(load);
    assert!(report.answers_of("v2") > 0, "{report}");
}

#[test]
fn who_is_in_the_middle_of_something_or_silent_is_not_cut_off() {
    let site = Site::new();
    let [one, two] = versions(&site);
    CaseApp::new(2).define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream
    };
    let mut silent = ask("/");
    let first = read_answer(&mut silent);
    assert!(first.starts_with("HTTP/1.1 200") && !first.contains("connection: close"), "{first}");
    let mut slow = ask("/slow?ms=3000");
    let never_asked = TcpStream::connect(site.address()).unwrap();
    // They are with the first proxy when its successor comes.
    let before = site.status().gapless;
    wait_for("the slow one to be there", PATIENCE, || {
        site.instances("app").iter().any(|i| i.in_flight > 0).then_some(())
    });
    let _ = site.gapless_of(&two, &["upgrade"]).succeeds();
    let now = site.status().gapless;
    assert_eq!(now.retiring_proxies, [before.proxy_pid.unwrap()]);
    assert!(read_answer(&mut slow).to_lowercase().contains("connection: close"));

    // An instance that retires while both proxies are there is waited for by both.
    let mut slow = silent;
    write!(slow, "GET /slow?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let reload = site.begin(&["reload", "app"]);
    let last = read_answer(&mut slow);
    assert!(last.starts_with("HTTP/1.1 200") && last.to_lowercase().contains("connection: close"), "{last}");
    assert_eq!(slow.read(&mut [0]).unwrap(), 0, "closed, and not reset");
    let _ = reload.wait().succeeds().says(" 0 lost");

    // Who has never asked is asked to leave by his first answer, from the newest instances.
    let mut asks = never_asked;
    asks.set_read_timeout(Some(PATIENCE)).unwrap();
    asks.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answer = read_answer(&mut asks);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    drop((slow, asks));
    wait_for("the first proxy to end", PATIENCE, || {
        (!process::runs(before.proxy_pid.unwrap())).then_some(())
    });
}

/// An answer with a length.
fn read_answer(stream: &mut TcpStream) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&bytes));
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap()];
    stream.read_exact(&mut body).unwrap();
    head
}

#[test]
fn control_may_be_killed_while_two_proxies_are_there() {
    let site = Site::new();
    let [one, two] = versions(&site);
    CaseApp::new(2).define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    let load = begin(plan(&site, Clients::Mixed, false));
    let mut stays = TcpStream::connect(site.address()).unwrap();
    stays.write_all(b"GET /slow?ms=9000 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    wait_for("it to be there", PATIENCE, || {
        (site.instances("app").iter().map(|i| i.in_flight).sum::<u32>() > 0).then_some(())
    });
    let _ = site.gapless_of(&two, &["upgrade"]).succeeds();
    let before = site.status().gapless;
    assert_eq!(before.retiring_proxies.len(), 1);
    let _: u32 = site.kill_control();
    // The next one finds both, and stops no instance that either of them needs.
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    let after = site.status().gapless;
    assert_eq!(after.proxy_pid, before.proxy_pid);
    stays.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(read_answer(&mut stays).starts_with("HTTP/1.1 200"));
    drop(stays);
    let _ = nothing_lost(load);
    wait_for("one proxy to be left", PATIENCE, || (proxies(&site.home()) == 1).then_some(()));
}

#[test]
fn what_could_not_take_over_is_refused_and_nothing_is_touched() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let before = site.status().gapless;
    let file = |name: &str, bytes: &[u8], mode: u32| {
        let path = site.write(name, bytes);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let ours = fs::read(gapless()).unwrap();
    let mut foreign = ours.clone();
    // `e_machine` of elf(5): a machine of which there is none here.
    foreign[18..20].copy_from_slice(&0x0015_u16.to_le_bytes());
    let mut narrow = ours.clone();
    narrow[4] = 1;
    let cases = [
        (file("text", b"#!/bin/sh\nexit 0\n", 0o755), "is no program (ELF)"),
        (file("empty", b"", 0o755), "is no program (ELF)"),
        (file("foreign", &foreign, 0o755), "for another kind of machine"),
        (file("narrow", &narrow, 0o755), "for another kind of machine"),
        (file("locked", &ours, 0o644), "may not be executed"),
        (file("cut", &ours[..4096], 0o755), "no upgrade to"),
        ("/bin/true".to_owned(), "is no Gapless"),
        ("/bin".to_owned(), "is no file"),
        (site.path().join("missing").display().to_string(), "no such file"),
    ];
    for (path, why) in cases {
        let refused =
            site.gapless(&["upgrade", "--to", &path]).exits(1).says(why).says("Nothing was changed");
        assert!(refused.took < Duration::from_secs(20), "{}", refused.text());
        let after = site.status().gapless;
        let all = |of: &GaplessStatus| (of.keeper_pid, of.control_pid, of.proxy_pid);
        assert_eq!(all(&after), all(&before), "{path}");
    }
    assert!(runs_from(before.keeper_pid.unwrap(), gapless()));
}

/// What control does not need now, and the next one would lose: found in the copy, and the copy is gone again.
#[test]
fn who_does_not_understand_the_journal_does_not_take_over() {
    let site = Site::new();
    let [one, two] = versions(&site);
    CaseApp::new(1).define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    site.edit_journal(|journal| {
        let nonsense = "INSERT OR REPLACE INTO settings VALUES ('admin', '{\"listen\": \"nowhere\"}')";
        assert_eq!(journal.execute(nonsense, []).unwrap(), 1);
    });
    let _ = site.gapless_of(&one, &["status"]).succeeds();
    let before = site.status().gapless;
    let to = two.display().to_string();
    let refused = site.gapless_of(&one, &["upgrade", "--to", &to]).exits(1);
    let _ = refused.says("cannot go on from the journal").says("[admin]").says("Nothing was changed");
    let after = site.status().gapless;
    assert_eq!((after.control_pid, after.proxy_pid), (before.control_pid, before.proxy_pid));
    assert!(all_are_of(&after, &one));
    let left = fs::read_dir(site.home()).unwrap().map(|file| file.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("copy")));
}

#[test]
fn an_upgrade_is_taken_back() {
    let site = Site::new();
    let [one, two] = versions(&site);
    CaseApp::new(1).define(&site);
    let _ = site.gapless_of(&one, &["up"]).succeeds();
    let pids = site.pids("app");
    let to = |file: &Path| file.display().to_string();
    let _ = site.gapless_of(&one, &["upgrade", "--to", &to(&two)]).succeeds();
    assert!(all_are_of(&site.status().gapless, &two));
    // The newer one is removed by someone who wants it gone.
    fs::remove_file(&two).unwrap();
    let _ = site.gapless_of(&one, &["upgrade", "--json"]).succeeds();
    assert!(all_are_of(&site.status().gapless, &one));
    assert_eq!(site.pids("app"), pids);
    let _ = site.gapless_of(&one, &["down"]).succeeds();
    assert_eq!(proxies(&site.home()), 0);
}
