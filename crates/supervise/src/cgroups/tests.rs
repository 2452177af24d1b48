//! Against a tree of plain files.

use super::*;
use gapless_model::Exit;
use std::fs;
use std::process::{Child, Command};

const LIMITS: ResourceLimits = ResourceLimits { memory: Some(512_000_000), cpu: Some(1500), pids: Some(200) };

/// A cgroup as the kernel shows one that was delegated to us, with us in it.
struct Tree {
    directory: tempfile::TempDir,
    base: Cgroup,
    cgroups: Cgroups,
}

impl Tree {
    fn new(controllers: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = Cgroup::at(directory.path().join("unit"));
        base.make().unwrap();
        base.set("cgroup.type", "domain\n").unwrap();
        base.set("cgroup.controllers", controllers).unwrap();
        base.set("cgroup.subtree_control", "").unwrap();
        base.set("cgroup.procs", &format!("{}\n", std::process::id())).unwrap();
        let home = Utf8Path::from_path(directory.path()).unwrap();
        let cgroups = Cgroups::below(home, base.clone());
        Self { directory, base, cgroups }
    }

    fn said(&self, file: &str) -> String {
        let own = self.base.child(&self.cgroups.name(&instance()));
        fs::read_to_string(own.path().join(file)).unwrap_or_default()
    }
}

fn instance() -> InstanceId {
    "api-1".parse().unwrap()
}

struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn all_that_is_asked_for_is_written() {
    let tree = Tree::new("cpuset cpu io memory pids\n");
    let (cell, unlimited) = tree.cgroups.make(&instance(), &LIMITS).await;
    assert_eq!(unlimited, None);
    assert!(cell.unwrap().path().is_dir());
    assert_eq!(tree.said("memory.max"), "512000000");
    assert_eq!(tree.said("memory.oom.group"), "1");
    assert_eq!(tree.said("cpu.max"), "150000 100000");
    assert_eq!(tree.said("pids.max"), "200");
    // We are not in the one that hands on.
    let own = tree.base.child(OWN_CGROUP);
    assert_eq!(own.processes().unwrap(), [std::process::id()]);
    assert_eq!(tree.base.get("cgroup.subtree_control").unwrap(), "+pids", "the last that was written");
}

#[tokio::test]
async fn only_what_is_asked_for_is_touched() {
    let tree = Tree::new("cpu memory pids\n");
    assert_eq!(tree.cgroups.make(&instance(), &ResourceLimits::default()).await.1, None);
    assert_eq!(tree.base.children().unwrap(), Vec::<String>::new());
    let limits = ResourceLimits { cpu: Some(250), ..ResourceLimits::default() };
    tree.cgroups.make(&instance(), &limits).await;
    assert_eq!((tree.said("cpu.max"), tree.said("memory.max")), ("25000 100000".into(), String::new()));
    assert_eq!(tree.base.get("cgroup.subtree_control").unwrap(), "+cpu");
}

#[tokio::test]
async fn what_there_is_no_controller_for_is_said() {
    let tree = Tree::new("cpu\n");
    let (cell, unlimited) = tree.cgroups.make(&instance(), &LIMITS).await;
    let unlimited = unlimited.unwrap();
    assert_eq!(unlimited.what, [Resource::Memory, Resource::Pids]);
    assert!(unlimited.why.contains("has no controller for it"), "{}", unlimited.why);
    // The rest is in force, and the cgroup is there to be ended as a whole.
    assert!(cell.is_some());
    assert_eq!(tree.said("cpu.max"), "150000 100000");
    assert_eq!(tree.cgroups.lacking(&LIMITS), Some(unlimited));
}

#[tokio::test]
async fn a_cgroup_with_others_in_it_is_left_as_it_is() {
    let tree = Tree::new("cpu memory pids\n");
    tree.base.set("cgroup.procs", &format!("{}\n1\n", std::process::id())).unwrap();
    let (cell, unlimited) = tree.cgroups.make(&instance(), &LIMITS).await;
    let unlimited = unlimited.unwrap();
    assert!(cell.is_none());
    assert_eq!(unlimited.what, LIMITS.resources());
    assert!(unlimited.why.contains("is not Gapless's alone: "), "{}", unlimited.why);
    assert!(unlimited.why.contains("(pid 1) is in it too"), "{}", unlimited.why);
    assert!(unlimited.why.contains("`Delegate=yes`"), "{}", unlimited.why);
    assert_eq!(tree.base.children().unwrap(), Vec::<String>::new());
    assert_eq!(tree.base.get("cgroup.subtree_control").unwrap(), "");
}

#[tokio::test]
async fn neither_the_machine_nor_what_cannot_be_written_is_touched() {
    let tree = Tree::new("cpu memory pids\n");
    fs::remove_file(tree.base.path().join("cgroup.type")).unwrap();
    let unlimited = tree.cgroups.make(&instance(), &LIMITS).await.1.unwrap();
    assert!(unlimited.why.contains("of the whole machine"), "{}", unlimited.why);
    let adopted = tree.cgroups.resume(&instance(), &LIMITS, std::process::id()).1.unwrap();
    assert_eq!(adopted.why, unlimited.why, "a reload would not help");

    let home = Utf8Path::from_path(tree.directory.path()).unwrap();
    let gone = Cgroups::below(home, tree.base.child("gone"));
    assert!(gone.lacking(&LIMITS).is_some());
}

#[tokio::test]
async fn whoever_would_be_started_among_them_again_is_not_locked_out() {
    let mut tree = Tree::new("cpu memory pids\n");
    tree.cgroups.started_in_base = true;
    let unlimited = tree.cgroups.make(&instance(), &LIMITS).await.1.unwrap();
    assert!(unlimited.why.contains("DelegateSubgroup=gapless-self"), "{}", unlimited.why);
    assert_eq!(tree.base.get("cgroup.subtree_control").unwrap(), "");
    assert!(!tree.base.child(OWN_CGROUP).is_there());
}

#[tokio::test]
async fn a_kill_for_want_of_memory_is_told_from_others() {
    let tree = Tree::new("cpu memory pids\n");
    let cell = tree.cgroups.make(&instance(), &LIMITS).await.0.unwrap();
    let events = |text: &str| fs::write(cell.path().join("memory.events"), text).unwrap();
    assert_eq!(cell.told(Exit::Signal(9)), Exit::Signal(9));
    events("low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n");
    assert_eq!(cell.told(Exit::Signal(9)), Exit::OutOfMemory { limit: LIMITS.memory });
    assert_eq!(cell.told(Exit::Unknown), Exit::OutOfMemory { limit: LIMITS.memory });
    assert_eq!(cell.told(Exit::Code(1)), Exit::Code(1), "it ended by itself");
    events("low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\noom_group_kill 1\n");
    assert_eq!(cell.told(Exit::Signal(9)), Exit::OutOfMemory { limit: None }, "nobody asked it for too much");

    // Of one that could not be removed, as these files cannot, what was before does not count.
    events("low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n");
    let again = tree.cgroups.make(&instance(), &LIMITS).await.0.unwrap();
    assert_eq!(again.told(Exit::Signal(9)), Exit::Signal(9));
    events("low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 2\n");
    assert_eq!(again.told(Exit::Signal(9)), Exit::OutOfMemory { limit: LIMITS.memory });
}

#[tokio::test]
async fn one_that_runs_is_known_by_its_cgroup() {
    let tree = Tree::new("cpu memory pids\n");
    let sleeper = Sleeper::new();
    let pid = sleeper.0.id();
    let (cell, unlimited) = tree.cgroups.resume(&instance(), &LIMITS, pid);
    assert!(cell.is_none());
    assert!(unlimited.unwrap().why.contains("`gapless reload api` starts it anew"));

    let cell = tree.cgroups.make(&instance(), &LIMITS).await.0.unwrap();
    Cgroup::at(cell.path()).take_in(pid).unwrap();
    fs::write(cell.path().join("memory.max"), "max\n").unwrap();
    let (resumed, unlimited) = tree.cgroups.resume(&instance(), &LIMITS, pid);
    assert_eq!((resumed.unwrap().path(), unlimited), (cell.path(), None));
    assert_eq!(tree.said("memory.max"), "512000000", "whoever took it away");
}

#[tokio::test]
async fn who_is_left_in_one_of_nobody_is_ended() {
    let tree = Tree::new("cpu memory pids\n");
    let mut sleeper = Sleeper::new();
    let ghost = "api-7".parse().unwrap();
    let cell = tree.cgroups.make(&ghost, &LIMITS).await.0.unwrap();
    Cgroup::at(cell.path()).take_in(sleeper.0.id()).unwrap();
    tree.cgroups.make(&instance(), &LIMITS).await.0.unwrap();
    tree.base.child("api-7@00000000").make().unwrap();
    tree.base.child("somebody's").make().unwrap();
    let left = tree.cgroups.left_over(|id| *id == instance());
    assert_eq!(left.iter().map(Cell::path).collect::<Vec<_>>(), [cell.path()]);
    left[0].close().await;
    assert!(!sleeper.0.wait().unwrap().success());
}
