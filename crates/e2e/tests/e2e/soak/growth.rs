//! What Gapless needs over time: its memory, its descriptors, and what is left behind.

use gapless_e2e::Site;
use gapless_e2e::parts::Part;
use gapless_sys::process;
use std::fmt;
use std::fs;
use std::time::Duration;

/// From one line to the next.
const EVERY: Duration = Duration::from_secs(60);

/// Above what it was when it was new, in KiB: what allocators keep, and the connections of the load.
const ROOM: u64 = 12 * 1024;

/// Descriptors above those at the begin: connections of the load and to instances.
const DESCRIPTORS: usize = 150;

const PARTS: [(Part, &str); 3] =
    [(Part::Keeper, "keeper"), (Part::Control, "control"), (Part::Proxy, "proxy")];

/// One part at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// Resident memory in KiB.
    memory: u64,
    descriptors: usize,
}

/// All parts over time.
#[derive(Debug)]
pub(super) struct Growth {
    first: [Size; 3],
    now: [Size; 3],
    most: [Size; 3],
    printed: Duration,
}

impl Growth {
    pub(super) fn begin(site: &Site) -> Self {
        let first = sizes(site);
        Self { first, now: first, most: first, printed: Duration::ZERO }
    }

    /// Looks again; whether it is time for a line.
    pub(super) fn look(&mut self, elapsed: Duration, site: &Site) -> bool {
        self.now = sizes(site);
        for (most, now) in self.most.iter_mut().zip(self.now) {
            most.memory = most.memory.max(now.memory);
            most.descriptors = most.descriptors.max(now.descriptors);
        }
        let due = elapsed >= self.printed + EVERY;
        if due {
            self.printed = elapsed;
        }
        due
    }

    /// # Panics
    /// Something has grown, or was left behind.
    #[track_caller]
    pub(super) fn assert_bounded(mut self, site: &Site) {
        self.look(Duration::ZERO, site);
        for ((now, first), (_, name)) in self.now.iter().zip(self.first).zip(PARTS) {
            assert!(now.memory <= first.memory + ROOM, "{name} has grown: {self}");
            assert!(now.descriptors <= first.descriptors + DESCRIPTORS, "{name} has grown: {self}");
        }
        let ours: Vec<u32> =
            PARTS.into_iter().filter_map(|(part, _)| part.pid(&site.status().gapless)).collect();
        let zombies: Vec<_> = process::all()
            .unwrap()
            .into_iter()
            .filter(|stat| stat.zombie && ours.contains(&stat.parent))
            .collect();
        assert!(zombies.is_empty(), "{zombies:?}");
        let run = fs::read_dir(site.home().join("run")).unwrap().count();
        let wanted = site.instances("app").len();
        assert!(run <= 8 + wanted * 6, "{run} files in run/ for {wanted} instances");
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (_, name)) in PARTS.into_iter().enumerate() {
            let mib = |size: Size| size.memory as f64 / 1024.0;
            let (first, now, most) = (self.first[i], self.now[i], self.most[i]);
            write!(
                f,
                "{}{name} {:.1} MiB (at first {:.1}, at most {:.1}), {} descriptors (at most {})",
                if i > 0 { "; " } else { "" },
                mib(now),
                mib(first),
                mib(most),
                now.descriptors,
                most.descriptors,
            )?;
        }
        Ok(())
    }
}

/// Of each part; nothing of one that is not there at this moment.
fn sizes(site: &Site) -> [Size; 3] {
    let gapless = site.status().gapless;
    PARTS.map(|(part, _)| part.pid(&gapless).map(size).unwrap_or_default())
}

fn size(pid: u32) -> Size {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count).unwrap_or_default();
    Size { memory, descriptors }
}
