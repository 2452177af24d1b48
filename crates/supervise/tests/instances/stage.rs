//! A supervisor in a home of its own, and what was heard of its instances.

use crate::app;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::app::{RestartPolicy, RestartSpec};
use gapless_model::instance::InstanceView;
use gapless_model::probe::{ProbeKind, ProbeSpec};
use gapless_model::release::{Mark, StopSpec, StopTarget};
use gapless_model::{
    AddressMode, CommandLine, InstanceId, InstanceState, Release, ReleaseId, ReleaseSpec, Signal, WallTime,
};
use gapless_supervise::{Cgroups, Launch, Supervisor};
use gapless_sys::cgroup::Cgroup;
use gapless_sys::{PidFd, marks, process};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A supervisor under test. What still runs at the end is killed.
pub(crate) struct Stage {
    directory: tempfile::TempDir,
    pub(crate) supervisor: Supervisor,
    events: mpsc::Receiver<InstanceView>,
    /// Everything that was heard, in order.
    pub(crate) heard: Vec<InstanceView>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (supervisor, events) = supervisor(Utf8Path::from_path(directory.path()).unwrap());
        Self { directory, supervisor, events, heard: Vec::new() }
    }

    /// Control dies and is back.
    pub(crate) fn restart(&mut self) {
        (self.supervisor, self.events) = supervisor(self.home());
        self.heard.clear();
    }

    pub(crate) fn home(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    /// A file for the instances to meet at.
    pub(crate) fn file(&self, name: &str) -> Utf8PathBuf {
        self.home().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file("new"), text).unwrap();
        fs::rename(self.file("new"), self.file(name)).unwrap();
    }

    /// What is written in a file, once it is there and whole.
    pub(crate) async fn read(&self, name: &str) -> String {
        let path = self.file(name);
        let look = || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        eventually(name, look).await.trim_end().to_owned()
    }

    /// An instance that runs a line of shell, is ready when it runs, and serves nothing.
    pub(crate) fn shell(&self, instance: &str, line: &str) -> Launch {
        self.launch(instance, CommandLine::Shell(line.to_owned()), ProbeKind::Alive, AddressMode::None)
    }

    /// An instance of the test app, ready when `GET /ready` is answered by 2xx.
    pub(crate) fn app(&self, instance: &str, listen: &str) -> Launch {
        let kind = ProbeKind::Http { path: "/ready".to_owned() };
        let mut launch = self.launch(instance, CommandLine::Words(app::command()), kind, AddressMode::Auto);
        launch.routed = true;
        let home = self.home().to_string();
        change(&mut launch, |spec| {
            spec.env = [(app::LISTEN, listen.to_owned()), (app::ANSWERS, home)]
                .map(|(name, value)| (name.to_owned(), value))
                .into();
        });
        launch
    }

    fn launch(&self, instance: &str, command: CommandLine, ready: ProbeKind, address: AddressMode) -> Launch {
        let spec = ReleaseSpec {
            command,
            cwd: self.home().to_owned(),
            port: None,
            address,
            env: BTreeMap::new(),
            startup: None,
            ready: probe(ready),
            protocol: Default::default(),
            start_deadline: PATIENCE,
            secrets: Default::default(),
            process: Default::default(),
            live: None,
            stop: StopSpec { signal: Signal::Term, to: StopTarget::Group, timeout: PATIENCE },
        };
        let path = std::env::var("PATH").unwrap();
        let release = Release {
            id: ReleaseId(1),
            declared_cwd: spec.cwd.clone(),
            revision: None,
            reload_of: None,
            spec,
            base_env: BTreeMap::from([("PATH".to_owned(), path)]),
            code: None,
            created: WallTime::default(),
            mark: Mark::Untried,
        };
        let restart = RestartSpec {
            policy: RestartPolicy::Always,
            backoff: Duration::from_millis(10),
            backoff_max: Duration::from_millis(50),
            stable_after: Duration::from_secs(3600),
        };
        Launch { instance: instance.parse().unwrap(), release: Arc::new(release), restart, routed: false }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn ready(&mut self, launch: Launch) -> InstanceView {
        let instance = launch.instance.clone();
        self.supervisor.start(launch).unwrap();
        self.until(&instance, "ready", |view| view.state.is_ready()).await
    }

    /// The next that is heard of `instance` and is as `wanted`.
    pub(crate) async fn until(
        &mut self,
        instance: &InstanceId,
        what: &str,
        wanted: impl Fn(&InstanceView) -> bool,
    ) -> InstanceView {
        loop {
            let view = match tokio::time::timeout(PATIENCE, self.events.recv()).await {
                Ok(view) => view.expect("the supervisor is there"),
                Err(_) => panic!("waited too long for {instance} to be {what}; heard: {:#?}", self.heard),
            };
            self.heard.push(view.clone());
            if view.id == *instance && wanted(&view) {
                return view;
            }
        }
    }

    /// Waits until it is in the state of that name.
    pub(crate) async fn state(&mut self, instance: &InstanceId, word: &str) -> InstanceView {
        self.until(instance, word, |view| view.state.word() == word).await
    }

    /// The states of `instance` so far, in words.
    pub(crate) fn words(&self, instance: &InstanceId) -> Vec<&'static str> {
        self.heard.iter().filter(|view| view.id == *instance).map(|view| view.state.word()).collect()
    }

    /// Stops it, and waits until it is gone.
    pub(crate) async fn gone(&mut self, instance: &InstanceId) -> InstanceView {
        self.supervisor.stop(instance);
        self.until(instance, "gone", |view| view.state.is_gone()).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whoever bears its mark, also where the leader of a group is gone; again, as they may be forking.
        let home = self.home().to_owned();
        let marked =
            |stat: &process::Stat| !stat.zombie && marks::bears(stat.pid, "GAPLESS_HOME", home.as_os_str());
        loop {
            let left: Vec<_> = process::all().unwrap().into_iter().filter(marked).collect();
            if left.is_empty() {
                break;
            }
            left.iter().filter_map(|stat| PidFd::open(stat.pid).ok()).for_each(|held| drop(held.signal(9)));
        }
    }
}

fn supervisor(home: &Utf8Path) -> (Supervisor, mpsc::Receiver<InstanceView>) {
    let (sender, events) = mpsc::channel(16);
    (
        Supervisor::new(
            home,
            "// preload\n",
            sender,
            gapless_supervise::Safekeeping::default(),
            Cgroups::below(home, Cgroup::at(home.join("cgroup"))),
        )
        .unwrap(),
        events,
    )
}

/// Changes what is run.
pub(crate) fn change(launch: &mut Launch, change: impl FnOnce(&mut ReleaseSpec)) {
    change(&mut Arc::make_mut(&mut launch.release).spec);
}

/// A probe that is asked often, and believed at once.
pub(crate) fn probe(kind: ProbeKind) -> ProbeSpec {
    let interval = Duration::from_millis(25);
    ProbeSpec { kind, interval, timeout: PATIENCE, successes: 1, failures: 1 }
}

/// `GET path`.
pub(crate) fn http(path: &str) -> ProbeSpec {
    probe(ProbeKind::Http { path: path.to_owned() })
}

/// A command that is asked whether it is so.
pub(crate) fn asks(line: &str) -> ProbeSpec {
    probe(ProbeKind::Command(CommandLine::Shell(line.to_owned())))
}

pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether process `pid` runs.
pub(crate) fn runs(pid: u32) -> bool {
    process::stat(pid).is_some_and(|stat| !stat.zombie)
}

/// How many processes of group `pgid` run.
pub(crate) fn size(pgid: u32) -> usize {
    process::all().unwrap().iter().filter(|stat| stat.group == pgid && !stat.zombie).count()
}

pub(crate) fn pid(view: &InstanceView) -> u32 {
    view.process.expect("a process runs").pid
}

pub(crate) fn is(view: &InstanceView, word: &str) -> bool {
    view.state.word() == word
}

pub(crate) fn failures(view: &InstanceView) -> Option<u32> {
    match view.state {
        InstanceState::Backoff { failures, .. } => Some(failures),
        _ => None,
    }
}
