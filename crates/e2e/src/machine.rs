//! A machine of its own for a test, as far as systemd can tell: systemd as process 1 of namespaces of its own, with
//! nothing to run but what the test gives it.

use crate::site::PATIENCE;
use gapless_sys::process::all;
use gapless_testkit::wait::wait_for;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether systemd has come up.
const LOOK: Duration = Duration::from_millis(20);

/// Its own `/run`, cgroups and directory for units. What every service depends on is there, and empty: nothing of this
/// machine is started, mounted or cleaned up.
const OUTER: &str = r#"
set -e
mount -t tmpfs tmpfs /run
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
own=/sys/fs/cgroup/gapless-test-$$
mkdir "$own"
(exec sh -c 'echo $$ > "$1/cgroup.procs"; exec unshare --cgroup --pid --fork --mount-proc --kill-child sh -c "$2"' \
  sh "$own" "$1") || true
find "$own" -depth -type d -exec rmdir {} \; 2>/dev/null || true
"#;

const INNER: &str = r#"
set -e
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /etc/systemd/system
for unit in sysinit basic network-online multi-user machine shutdown umount; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$unit" > "/etc/systemd/system/$unit.target"
done
printf 'Wants=multi-user.target\n' >> /etc/systemd/system/machine.target
if test -n "$UNITS"; then cp "$UNITS"/* /etc/systemd/system/; fi
mkdir -p /etc/systemd/system/multi-user.target.wants
for unit in $ENABLED; do
  ln -s "../$unit" "/etc/systemd/system/multi-user.target.wants/$unit"
done
export container=test SYSTEMD_UNIT_PATH=/etc/systemd/system SYSTEMD_GENERATOR_PATH=/nonexistent
export SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nonexistent
exec /lib/systemd/systemd --system --unit=machine.target --log-target=console --log-level=notice --show-status=no
"#;

/// The machine. Everything in it ends with this.
#[derive(Debug)]
pub struct Machine {
    outer: Child,
    first: u32,
}

impl Machine {
    /// Boots one; or says on stderr why that cannot be here, and what is not shown therefore.
    pub fn boot() -> Option<Self> {
        Self::boot_with(None, "")
    }

    /// Boots one with the units of a directory, of which some are enabled, with spaces between.
    ///
    /// # Panics
    /// It cannot be looked at.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn boot_with(units: Option<PathBuf>, enabled: &str) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--ipc", "--uts", "sh", "-c", OUTER, "sh", INNER]);
        command.env("UNITS", units.unwrap_or_default()).env("ENABLED", enabled).env_remove("GAPLESS_HOME");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut outer = match command.spawn() {
            Ok(child) => child,
            Err(error) => return not_here(&format!("unshare: {error}")),
        };
        let first = wait_for("systemd to be process 1", PATIENCE, || {
            if outer.try_wait().unwrap().is_some() {
                return Some(None);
            }
            descendants(outer.id()).into_iter().find(|pid| is_systemd(*pid)).map(Some)
        });
        let Some(first) = first else {
            let mut said = String::new();
            let _ = outer.stderr.take().unwrap().read_to_string(&mut said);
            let _ = outer.wait();
            return not_here(&said);
        };
        let this = Self { outer, first };
        let until = Instant::now() + PATIENCE;
        while !this.output(&["systemctl", "is-active", "machine.target"]).status.success() {
            if Instant::now() >= until {
                // Where cgroups are not ours to use it stops at its start.
                return not_here("it is process 1, and does not come up");
            }
            std::thread::sleep(LOOK);
        }
        Some(this)
    }

    /// A command in it, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first.to_string(), "--mount", "--pid", "--"]).args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command in it.
    ///
    /// # Panics
    /// It cannot be run.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a command in it says on stdout, which succeeds.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let [out, err] = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
        assert!(output.status.success(), "{words:?}: {}\n{out}\n{err}", output.status);
        out.trim().to_owned()
    }

    /// One property of a unit.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.says(&["systemctl", "show", "--value", "-p", name, unit])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let power_off = gapless_sys::PidFd::open(self.first).and_then(|first| first.signal(9));
        if power_off.is_err() {
            let _ = self.outer.kill();
        }
        let _ = self.outer.wait();
    }
}

fn not_here<T>(why: &str) -> Option<T> {
    eprintln!("NOT SHOWN HERE, as systemd cannot be booted beside what runs: {}", why.trim());
    None
}

fn is_systemd(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.starts_with(b"/lib/systemd/systemd\0")
}

/// All that descend from a process.
fn descendants(of: u32) -> BTreeSet<u32> {
    let all = all().unwrap_or_default();
    let mut family = BTreeSet::from([of]);
    loop {
        let before = family.len();
        let more: Vec<u32> = all.iter().filter(|s| family.contains(&s.parent)).map(|s| s.pid).collect();
        family.extend(more);
        if family.len() == before {
            return family;
        }
    }
}
