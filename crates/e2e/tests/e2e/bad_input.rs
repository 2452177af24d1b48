//! Bad input gets one clear diagnostic and exit code 2, and nothing that runs is touched.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, Outcome, Site, apps_directory, gapless};
use gapless_load::LoadThread;
use gapless_model::InstanceId;
use gapless_model::event::What;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown, symlink};

/// Two instances under load, which nothing here may touch.
struct Running {
    site: Site,
    load: LoadThread,
    stood: (BTreeMap<InstanceId, Option<u32>>, u32, usize),
}

fn stands(site: &Site) -> (BTreeMap<InstanceId, Option<u32>>, u32, usize) {
    let happened = site.history("app").into_iter().filter(|event| !matches!(event.what, What::Asked { .. }));
    (site.pids("app"), site.status().gapless.control_pid, happened.count())
}

impl Running {
    fn begin() -> Self {
        let site = Site::new();
        CaseApp::new(2).up(&site);
        let load = begin(plan(&site, Clients::Mixed, false));
        let stood = stands(&site);
        Self { site, load, stood }
    }

    /// Applies `bad.toml`, which is refused in these words; so it is by `check`.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        for command in ["up", "check"] {
            let mut refused = self.site.gapless(&[command, "-f", "bad.toml"]).exits(2);
            assert_eq!(refused.out, "", "only results go to stdout");
            for word in words {
                refused = refused.says(word);
            }
        }
    }

    /// The same of a text.
    #[track_caller]
    fn refuses_text(&self, text: &str, words: &[&str]) {
        self.site.write("bad.toml", text);
        self.refuses(words);
    }

    #[track_caller]
    fn was_not_touched(self) {
        assert_eq!(stands(&self.site), self.stood);
        let status = self.site.status();
        assert_eq!(status.apps.len(), 1);
        assert!(status.apps[0].rollout.is_none() && status.apps[0].last_failure.is_none());
        nothing_lost(self.load);
    }
}

#[test]
fn values_and_keys() {
    let running = Running::begin();
    running.refuses_text(
        "[apps.app]\ncomand = \"node server.js\"\n",
        &["unknown key `comand`", "bad.toml:2:1", "───┬──", "did you mean `command`?"],
    );
    running.refuses_text(
        "[apps.app]\ncommand = \"node server.js\"\ninstances = \"two\"\n",
        &["bad.toml:3:13", "instances", "──┬──", "\"max\""],
    );
    running.refuses_text(
        "[apps.app]\ncommand = \"node server.js\"\nport = \"3000\"\n",
        &["bad.toml:3:8", "port", "┬", "write `port = 3000`, without quotes"],
    );
    running.refuses_text("[apps.app]\ncommand = \"\"\n", &["bad.toml:2:11", "┬", "command", "empty"]);
    running.refuses_text(
        "[apps.app]\ncommand = \"node server.js\"\ninstances = 0\n",
        &["bad.toml:3:13", "─", "`instances` in [apps.app] cannot be 0", "a number from 1", "gapless stop"],
    );
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\n[apps.app.ready]\ninterval = \"5 parsecs\"\n",
        &["bad.toml:4:12", "───────────", "no duration", "`\"500ms\"`"],
    );
    running.refuses_text("[apps.app\ncommand = \"a\"\n", &["bad.toml:1:", "┬"]);
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\n[tls]\nciphers = [\"TLS_AES_128_GCM_SHA265\"]\n",
        &["bad.toml:4:", "TLS_AES_128_GCM_SHA265", "did you mean `TLS_AES_128_GCM_SHA256`?"],
    );
    // All at once.
    running.refuses_text(
        "[apps.app]\ncomand = \"a\"\nprot = 3000\n",
        &["`comand`", "`prot`", "did you mean `port`?", "bad.toml:2:1", "bad.toml:3:1"],
    );
    running.was_not_touched();
}

#[test]
fn files_and_directories() {
    let running = Running::begin();
    let site = &running.site;
    running.refuses(&["bad.toml", "there is no such file"]);
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\ncwd = \"elsewhere\"\n",
        &["bad.toml:3:7", "┬", "elsewhere", "no such"],
    );
    fs::create_dir(site.path().join("server")).unwrap();
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\ncwd = \"serevr\"\n",
        &["bad.toml:3:7", "serevr", "did you mean", "/server?"],
    );
    symlink("round", site.path().join("round")).unwrap();
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\ncwd = \"round\"\n",
        &["bad.toml:3:7", "┬", "a cycle of symbolic links"],
    );
    running.refuses_text(
        "[apps.app]\ncommand = \"a\"\nenv_file = \".env\"\n",
        &["bad.toml:3:12", "┬", ".env", "no such"],
    );
    site.write("bad.toml", b"\xef\xbb\xbf[apps.app]\ncommand = \"a\"\n");
    running.refuses(&["bad.toml", "byte order mark", "UTF-8 without BOM"]);
    site.write("bad.toml", b"[apps.app]\ncommand = \"caf\xe9\"\n");
    running.refuses(&["bad.toml", "not UTF-8", "line 2", "0xe9"]);
    running.refuses_text("", &["names no app"]);
    running.was_not_touched();
}

#[test]
fn a_listener_in_use_by_another_program() {
    let running = Running::begin();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    running.refuses_text(
        &format!("[apps.other]\ncommand = \"sleep 600\"\nport = 3000\n[[apps.other.routes]]\nlisten = \"{address}\"\n"),
        &[
            &format!("cannot listen on {address}"),
            "bad.toml:5:10",
            "┬",
            "another program listens there",
            &format!("ss -ltnp 'sport = :{}'", address.port()),
        ],
    );
    // Of a change of what runs, nothing is taken over.
    let toml = CaseApp::new(3).env("VERSION", "v2").toml(&running.site);
    let toml = toml.replace(&running.site.address().to_string(), &address.to_string());
    running.refuses_text(&toml, &[&format!("cannot listen on {address}"), "bad.toml:"]);
    let listen = address.to_string();
    let start =
        running.site.gapless(&["start", "--name", "other", "--listen", &listen, "--", "sleep", "600"]);
    let _ = start.exits(2).says("another program listens there");
    drop(taken);
    running.was_not_touched();
}

/// Nobody's user id, who has no rights of any kind.
const NOBODY: u32 = 65_534;

/// A `gapless` command by somebody who is not root, whoever runs the tests.
fn unprivileged(site: &Site, words: &[&str]) -> Outcome {
    let gapless = site.path().join("gapless");
    let mut command = site.command_of("setpriv", &[]);
    if is_root() {
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]);
    }
    command.arg(gapless).args(words);
    Site::run(words, command)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_port_below_1024_without_rights() {
    let first: u16 =
        fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim().parse().unwrap();
    // Where everybody may have all of them nothing is refused.
    let Some(port) = first.checked_sub(1).filter(|port| *port > 0) else { return };
    let site = Site::new();
    if is_root() {
        chown(site.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // Where this is built others may not look.
    let (program, here) = (gapless(), site.path().join("gapless"));
    fs::hard_link(program, &here).or_else(|_| fs::copy(program, &here).map(drop)).unwrap();
    site.write("cases.mjs", fs::read(apps_directory().join("cases.mjs")).unwrap());
    let app = |listen: &str| {
        format!(
            "[apps.app]\ncommand = \"node cases.mjs\"\nport = 3000\n[[apps.app.routes]]\nlisten = \"{listen}\"\n\
             [apps.app.ready]\npath = \"/ready\"\ninterval = \"100ms\"\n"
        )
    };
    site.write("gapless.toml", app(&site.address().to_string()));
    let _ = unprivileged(&site, &["up"]).succeeds();
    let answer = Customer::of(site.address()).get("/").unwrap();
    let before = answer.json()["pid"].clone();

    site.write("gapless.toml", app(&format!("127.0.0.1:{port}")));
    for command in ["up", "check"] {
        let _ = unprivileged(&site, &[command])
            .exits(2)
            .says(&format!("cannot listen on 127.0.0.1:{port}"))
            .says("Nothing was changed")
            .says("gapless.toml:5:10")
            .says("ports below 1024 need rights")
            .says("setcap cap_net_bind_service=+ep ")
            .says(&format!("sysctl net.ipv4.ip_unprivileged_port_start={port}"))
            .says("AmbientCapabilities=CAP_NET_BIND_SERVICE");
    }
    let after = Customer::of(site.address()).get("/").unwrap();
    assert_eq!(after.json()["pid"], before);
    let _ = unprivileged(&site, &["down"]).succeeds();
}

#[test]
fn two_apps_on_one_route() {
    let running = Running::begin();
    let address = running.site.address();
    let other = |name: &str, listen: &str| {
        format!(
            "[apps.{name}]\ncommand = \"a\"\nport = 3000\n[[apps.{name}.routes]]\nlisten = \"{listen}\"\n"
        )
    };
    // In one file.
    let twice = other("x", "127.0.0.1:9") + &other("y", "127.0.0.1:9");
    running
        .refuses_text(&twice, &["x and y are on the same route", "bad.toml:5:10", "x is here", "y is here"]);
    // In two, of which one is applied already.
    running.refuses_text(
        &other("x", &address.to_string()),
        &["x and app both want the route", "bad.toml:5:10", "┬", "another listen address"],
    );
    running.was_not_touched();
}

#[test]
fn commands_that_make_no_sense() {
    let running = Running::begin();
    let refused = |words: &[&str]| running.site.gapless(words).exits(2);
    let _ = refused(&["reload", "apq"]).says("apq");
    let _ = refused(&["scale", "app", "0"]).says("0");
    let _ = refused(&["rollback", "app", "--to", "r9"]).says("r9");
    let _ = refused(&["stauts"]).says("status");
    let _ = refused(&["up", "apq"]).says("did you mean `app`?");
    let _ = refused(&["deploy", "app", "--from", "nowhere"]).says("nowhere");
    let _ = refused(&["start"]).says("COMMAND");
    running.was_not_touched();
}

#[test]
fn a_program_that_is_not_there_fails_and_leaves_nothing_behind() {
    let running = Running::begin();
    running.site.write("bad.toml", "[apps.other]\ncommand = \"nodee server.js\"\n");
    let _ = running.site.gapless(&["up", "-f", "bad.toml"]).exits(1).says("nodee");
    let _ = running.site.gapless(&["delete", "other"]).succeeds();
    running.was_not_touched();
}
