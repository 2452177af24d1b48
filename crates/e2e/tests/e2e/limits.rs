//! An instance takes no more of the machine than its file lets it, and where that cannot be it is said; whoever it
//! leaves running ends with it; and no request is lost by any of that but those of an instance that the kernel kills.

use gapless_e2e::process::{kill, runs};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Delegated, Machine, PATIENCE, Site, direct, gapless};
use gapless_model::event::What;
use gapless_model::{Exit, Failure, Resource};
use gapless_sys::cgroup::{Cgroup, of_process};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::fs;

/// An app that leaves a process behind which has gone out of its group and session, and bears no mark of ours.
fn leaver(site: &Site, limits: &str) {
    let text = format!(
        "[apps.app]\ncommand = \"setsid env -i /bin/sleep 601 & exec sleep 600\"\nshell = true\nlimits = {limits}\n\
         [apps.app.restart]\nbackoff = \"20ms\"\n[apps.app.rollout]\nbake = \"100ms\"\n"
    );
    site.write("gapless.toml", text);
}

fn instance(site: &Site) -> u32 {
    site.wait_until("app", "it to run", |app| {
        app.ready == 1 && app.instances.iter().all(|i| i.pid.is_some())
    });
    site.pids("app").into_values().next().unwrap().unwrap()
}

/// The instance's cgroup, and who has left its group in it.
fn left(pid: u32) -> (Cgroup, u32) {
    let own = of_process(pid).unwrap();
    assert!(own.name().unwrap().starts_with("app-"), "{own:?}");
    let other =
        || own.processes().unwrap().into_iter().find(|other| *other != pid && group(*other) == Some(*other));
    (own.clone(), wait_for("somebody who leaves", PATIENCE, other))
}

fn group(pid: u32) -> Option<u32> {
    gapless_sys::process::stat(pid).map(|stat| stat.group)
}

fn is_gone(pid: u32) -> bool {
    gapless_sys::process::stat(pid).is_none_or(|stat| stat.zombie)
}

#[test]
fn who_left_the_group_ends_with_the_instance() {
    let Some(delegated) = Delegated::new() else { return };
    let site = Site::new();
    leaver(&site, "{ pids = 50 }");
    let up = delegated.gapless(&site, &["up"]).succeeds();
    let limited = delegated.controllers().contains("pids");
    assert_eq!(up.text().contains("not in force"), !limited, "{}", up.text());
    let pid = instance(&site);
    let (own, leaver) = left(pid);

    // It crashes: nobody of before is there when it is started again.
    kill(pid);
    wait_for("the other to end", PATIENCE, || is_gone(leaver).then_some(()));
    let again = wait_to_see("another process", PATIENCE, || instance(&site), |now| *now != pid);
    let (same, leaver) = left(again);
    assert_eq!(same, own);

    // Control dies: both go on, and are known to the next.
    site.kill_control();
    assert_eq!(instance(&site), again);
    assert!(runs(leaver));

    // A rollout: the old ones go, both.
    let _ = delegated.gapless(&site, &["reload", "app"]).succeeds();
    wait_for("the other to end", PATIENCE, || is_gone(leaver).then_some(()));
    wait_for("the cgroup to be removed", PATIENCE, || (!own.is_there()).then_some(()));
    let (own, leaver) = left(instance(&site));
    assert_ne!(own, same);

    let _ = delegated.gapless(&site, &["stop", "app"]).succeeds();
    wait_for("the other to end", PATIENCE, || is_gone(leaver).then_some(()));
    wait_for("the cgroup to be removed", PATIENCE, || (!own.is_there()).then_some(()));
    let _ = delegated.gapless(&site, &["down"]).succeeds();
}

#[test]
fn what_ended_while_nobody_looked_leaves_nobody_behind() {
    let Some(delegated) = Delegated::new() else { return };
    let site = Site::new();
    leaver(&site, "{ pids = 50 }");
    let _ = delegated.gapless(&site, &["up"]).succeeds();
    let pid = instance(&site);
    let (_, leaver) = left(pid);
    site.kill_keeper_and_control();
    kill(pid);
    assert!(runs(leaver));
    let _ = delegated.gapless(&site, &["status"]).succeeds();
    wait_for("the other to end", PATIENCE, || is_gone(leaver).then_some(()));
    assert_ne!(instance(&site), pid);
    let _ = delegated.gapless(&site, &["down"]).succeeds();
}

#[test]
fn the_kernel_sees_to_limits() {
    let Some(delegated) = Delegated::new() else { return };
    let controllers = delegated.controllers();
    if !["memory", "cpu", "pids"].iter().all(|wanted| controllers.contains(*wanted)) {
        eprintln!(
            "NOT SHOWN HERE: that limits are kept, as the kernel has only {controllers:?} for cgroups of version 2"
        );
        return;
    }
    let site = Site::new();
    let app = CaseApp {
        tables: "[apps.app.limits]\nmemory = \"200MB\"\ncpu = 0.5\npids = 60\n\
                 [apps.app.restart]\nbackoff = \"50ms\"\n"
            .into(),
        ..CaseApp::new(2)
    };
    app.define(&site);
    let up = delegated.gapless(&site, &["up"]).succeeds();
    assert!(!up.text().contains("not in force"), "{}", up.text());
    let load = begin(plan(&site, Clients::Mixed, false));
    let before = site.instances("app");
    for one in &before {
        let own = of_process(one.pid.unwrap()).unwrap();
        let said = |file: &str| own.get(file).unwrap();
        // The kernel counts pages.
        assert_eq!(said("memory.max").parse::<u64>().unwrap() / 4096, 200_000_000 / 4096);
        assert_eq!((said("cpu.max"), said("pids.max")), ("50000 100000".into(), "60".into()));
        assert_eq!(said("memory.oom.group"), "1");
        assert_eq!(one.unlimited, None);
    }
    // What is there already is limited in another process of Gapless as well.
    site.kill_control();
    let _ = delegated.gapless(&site, &["reload", "app"]).succeeds();
    nothing_lost(load);

    let fat = site.instances("app").swap_remove(0);
    direct::tell(&fat, "POST /grow?mb=600");
    site.wait_until("app", "it to be started again", |app| {
        app.ready == 2 && app.instances.iter().any(|i| i.restarts > 0)
    });
    let exit = Exit::OutOfMemory { limit: Some(200_000_000) };
    let told = |what: &What| {
        matches!(what, What::InstanceFailed { instance, failure: Failure::Exited { exit: how, .. } }
            if *instance == fat.id && *how == exit)
    };
    let history = site.history("app");
    assert!(history.iter().any(|event| told(&event.what)), "{history:#?}");
    let _ = delegated.gapless(&site, &["history", "app"]).says("it used more than its limit of 200 MB");
    assert!(delegated.gapless(&site, &["history", "app", "--json"]).out.contains("\"out-of-memory\""));
    // The other one was not touched.
    let other = site.instances("app").into_iter().find(|one| one.id != fat.id).unwrap();
    assert_eq!(other.restarts, 0);

    // Who starts processes without end gets no more than that; who counts without end half a core.
    let text = "[apps.forks]\ncommand = \"while :; do sleep 600 & done\"\nshell = true\nlimits = { pids = 20 }\n\
                [apps.counts]\ncommand = \"while :; do :; done\"\nshell = true\nlimits = { cpu = 0.25 }\n";
    site.write("gapless.toml", text);
    let _ = delegated.gapless(&site, &["up"]).succeeds();
    let own = |name: &str| of_process(site.pids(name).into_values().next().unwrap().unwrap());
    let refused =
        || own("forks").ok().and_then(|own| own.get("pids.events").ok()).filter(|text| text != "max 0");
    wait_for("a process too many", PATIENCE, refused);
    let throttled =
        |text: &str| text.lines().any(|line| line.starts_with("nr_throttled ") && line != "nr_throttled 0");
    wait_for("too much CPU", PATIENCE, || {
        own("counts").ok()?.get("cpu.stat").ok().filter(|text| throttled(text))
    });
    let _ = delegated.gapless(&site, &["down"]).succeeds();
}

#[test]
fn limits_that_cannot_be_kept_are_said_and_memory_is_watched() {
    let site = Site::new();
    let app = CaseApp {
        tables:
            "[apps.app.limits]\nmemory = \"400MB\"\ncpu = 1.5\n[apps.app.restart]\nbackoff_max = \"1s\"\n"
                .into(),
        ..CaseApp::new(2)
    };
    app.define(&site);
    let up = site.gapless(&["up"]).succeeds();
    assert_eq!(
        up.text().matches("the limits of memory and cpu for app are not in force: ").count(),
        1,
        "{}",
        up.text()
    );
    let up =
        up.says("Until then an instance that takes more memory is replaced").says("nothing bounds the rest");
    let _ = up.says("gapless startup");
    let _ = site
        .gapless(&["status"])
        .succeeds()
        .says("app-1, app-2: without the limits that were asked for (memory and cpu)");
    let [fat, lean] = site.instances("app").try_into().unwrap();
    assert_eq!(fat.unlimited.as_ref().unwrap().what, [Resource::Memory, Resource::Cpu]);

    let load = begin(plan(&site, Clients::Mixed, false));
    direct::ask(&fat, "POST /grow?mb=500");
    site.wait_until("app", "it to be replaced", |app| {
        app.ready == 2 && app.instances.len() == 2 && app.instances.iter().all(|one| one.id != fat.id)
    });
    nothing_lost(load);
    let stays = site.instances("app").into_iter().find(|one| one.id == lean.id).unwrap();
    assert_eq!((stays.pid, stays.restarts), (lean.pid, 0));
    let _ = site.gapless(&["history", "app"]).says("of memory, more than 381 MiB: it is replaced");
}

#[test]
fn under_systemd_each_is_in_the_units_own_tree() {
    let site = Site::new();
    let Some(machine) = Machine::boot() else { return };
    let program = site.path().join("gapless");
    let _: u64 = fs::copy(gapless(), &program).unwrap();
    leaver(&site, "{ pids = 50 }");
    let home = format!("GAPLESS_HOME={}", site.home().display());
    let (at, program) = (site.path().display().to_string(), program.display().to_string());
    let does = |words: &[&str]| machine.says(&[&["env", "-C", &at, &home, &program], words].concat());
    does(&["startup"]);
    does(&["up"]);
    // As it is in there: processes have other numbers.
    let own = |pid: u32| {
        let said = machine.says(&["cat", &format!("/proc/{pid}/cgroup")]);
        said.lines().find_map(|line| line.strip_prefix("0::")).unwrap().to_owned()
    };
    let pid = instance(&site);
    let before = own(pid);
    assert!(before.contains("/gapless.service/app-1@"), "{before}");
    let own_directory = machine.says(&["find", "/sys/fs/cgroup", "-name", "app-1@*"]);
    let inside = || machine.says(&["cat", &format!("{own_directory}/cgroup.procs")]).lines().count();
    wait_to_see("somebody who leaves", PATIENCE, inside, |inside| *inside == 2);

    // systemd can start control again beside them.
    let control = site.status().gapless.control_pid;
    machine.says(&["systemctl", "restart", "gapless.service"]);
    wait_to_see("another control", PATIENCE, || site.status().gapless.control_pid, |now| *now != control);
    assert_eq!((instance(&site), own(pid), inside()), (pid, before, 2));
    does(&["stop", "app"]);
    let is_there = || machine.output(&["test", "-e", &own_directory]).status.success();
    wait_to_see("the cgroup to be removed", PATIENCE, is_there, |there| !there);
    does(&["down"]);
}
