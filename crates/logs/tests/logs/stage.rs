//! A directory with a capture in it, and instances that write.

use camino::{Utf8Path, Utf8PathBuf};
use gapless_logs::{Capture, Line, Selection, Tail};
use gapless_model::app::LogSpec;
use gapless_model::{AppName, InstanceId};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

pub(crate) struct Stage {
    _directory: Option<tempfile::TempDir>,
    pub(crate) root: Utf8PathBuf,
    pub(crate) capture: Capture,
}

/// An instance's ends of its FIFOs, held read-write as a real one does.
pub(crate) struct Writer {
    pub(crate) out: File,
    pub(crate) err: File,
}

impl Writer {
    pub(crate) fn out(&mut self, text: impl AsRef<[u8]>) {
        self.out.write_all(text.as_ref()).unwrap();
    }

    pub(crate) fn err(&mut self, text: impl AsRef<[u8]>) {
        self.err.write_all(text.as_ref()).unwrap();
    }
}

pub(crate) fn spec() -> LogSpec {
    LogSpec { max_size: 10 << 20, max_age: Duration::from_secs(86_400), keep: 5 }
}

pub(crate) fn id(name: &str) -> InstanceId {
    name.parse().unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        std::fs::create_dir(root.join("run")).unwrap();
        Self { _directory: Some(directory), ..Self::at(&root) }
    }

    /// In a directory of another's.
    pub(crate) fn at(root: &Utf8Path) -> Self {
        let capture = Capture::start(&root.join("logs")).unwrap();
        Self { _directory: None, root: root.to_owned(), capture }
    }

    pub(crate) fn logs(&self) -> Utf8PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn file(&self, app: &str, name: &str) -> Utf8PathBuf {
        self.logs().join(app).join(name)
    }

    pub(crate) fn fifos(&self, instance: &str) -> (Utf8PathBuf, Utf8PathBuf) {
        let path = |end| self.root.join("run").join(format!("{instance}.{end}"));
        (path("out"), path("err"))
    }

    pub(crate) fn add(&self, instance: &str, spec: &LogSpec) -> Writer {
        let (out, err) = self.fifos(instance);
        self.capture.add(&id(instance), spec, &out, &err).unwrap();
        let open = |path| OpenOptions::new().read(true).write(true).open(path).unwrap();
        Writer { out: open(out), err: open(err) }
    }

    pub(crate) fn settle(&self, instance: &str) {
        self.capture.caught_up(&id(instance)).wait();
    }

    pub(crate) fn read(&self, app: &str, name: &str) -> Vec<u8> {
        std::fs::read(self.file(app, name)).unwrap_or_default()
    }

    pub(crate) fn tail(&self, app: &str, lines: usize) -> Tail {
        let app: AppName = app.parse().unwrap();
        Tail::open(&self.logs(), &app, &Selection::ALL, lines).unwrap()
    }

    /// The last lines of an app as text.
    pub(crate) fn last(&self, app: &str, lines: usize) -> Vec<String> {
        texts(&self.tail(app, lines).poll(usize::MAX).unwrap())
    }
}

pub(crate) fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

/// Waits until `done`, for at most half a minute.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
