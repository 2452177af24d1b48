//! Instances with limits, in a tree of plain files: how they are taken over, and how their end is told.

use crate::adopting::stranger;
use crate::stage::{Stage, change, pid, runs};
use gapless_model::instance::InstanceView;
use gapless_model::{Exit, Failure, InstanceState, Moment, ResourceLimits};
use gapless_supervise::Adoption;
use std::fs;
use std::path::PathBuf;

const LIMIT: u64 = 64_000_000;

/// An instance that runs in a cgroup of its own, as an earlier supervisor left it; and that cgroup.
async fn left(stage: &Stage) -> (Adoption, PathBuf) {
    let base = stage.file("cgroup");
    fs::create_dir_all(base.join("own")).unwrap();
    for (file, text) in [
        ("cgroup.type", "domain\n"),
        ("cgroup.controllers", "memory\n"),
        ("cgroup.subtree_control", "memory\n"),
        ("cgroup.procs", ""),
    ] {
        fs::write(base.join(file), text).unwrap();
    }
    let process = stranger(stage, "api-1", "exec sleep 600").await;
    let mut launch = stage.shell("api-1", "exec sleep 600");
    change(&mut launch, |spec| {
        spec.process.limits = ResourceLimits { memory: Some(LIMIT), ..ResourceLimits::default() };
    });
    let last = InstanceView {
        id: launch.instance.clone(),
        release: launch.release.id,
        state: InstanceState::Ready { since: Moment::from_millis(1) },
        process: Some(process),
        address: None,
        restarts: 0,
        last_failure: None,
        unlimited: None,
    };
    // Its name is what this home's have.
    let own = base.join(gapless_supervise::Cgroups::name_in(stage.home(), &launch.instance));
    fs::rename(base.join("own"), &own).unwrap();
    fs::write(own.join("cgroup.procs"), format!("{}\n", process.pid)).unwrap();
    (Adoption { launch, last }, own.into())
}

fn is_out_of_memory(view: &InstanceView) -> bool {
    let exit = Exit::OutOfMemory { limit: Some(LIMIT) };
    matches!(&view.last_failure, Some(Failure::Exited { exit: how, .. }) if *how == exit)
}

const KILLED: &str = "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 1\n";

#[tokio::test]
async fn one_that_is_killed_for_its_limit_is_said_so() {
    let mut stage = Stage::new();
    let (adoption, own) = left(&stage).await;
    let id = adoption.last.id.clone();
    stage.supervisor.adopt(adoption).unwrap();
    let view = stage.state(&id, "ready").await;
    assert_eq!(view.unlimited, None);
    assert_eq!(fs::read_to_string(own.join("memory.max")).unwrap(), LIMIT.to_string());
    assert_eq!(fs::read_to_string(own.join("memory.oom.group")).unwrap(), "1");
    fs::write(own.join("memory.events"), KILLED).unwrap();
    gapless_sys::group::signal(pid(&view), 9).unwrap();
    let view = stage.until(&id, "known to be out of memory", is_out_of_memory).await;
    let said = view.last_failure.unwrap().to_string();
    assert!(said.ends_with("and was killed by the kernel: it used more than its limit of 64 MB"), "{said}");
}

#[tokio::test]
async fn one_that_was_killed_while_nobody_looked_is_said_so() {
    let mut stage = Stage::new();
    let (adoption, own) = left(&stage).await;
    let (id, pid) = (adoption.last.id.clone(), pid(&adoption.last));
    fs::write(own.join("memory.events"), KILLED).unwrap();
    gapless_sys::group::signal(pid, 9).unwrap();
    crate::stage::eventually("its end", || (!runs(pid)).then_some(())).await;
    stage.supervisor.adopt(adoption).unwrap();
    stage.until(&id, "known to be out of memory", is_out_of_memory).await;
}
