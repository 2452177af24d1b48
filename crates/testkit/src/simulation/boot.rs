//! The machine is started anew: nothing runs any more, and the disk has what was written.

use super::event::Event;
use super::world::World;
use gapless_model::Exit;
use gapless_store::Change;

/// The journal's name for the boot that it was written in.
const SETTING: &str = "boot";

impl World {
    /// Everything ends at once. Control comes back when it would after a kill, and a proxy after it.
    pub(super) fn boot(&mut self) {
        self.boots += 1;
        self.kill_control();
        for pid in self.running.values().copied().collect::<Vec<_>>() {
            self.end(pid, Exit::Signal(9));
        }
        self.proxies.clear();
        self.proxy_lost_at = self.queue.now;
        self.queue.after(self.scenario.away.max(1) + 1, Event::ProxyStarts);
    }

    /// Whether the journal was written in another boot.
    pub(super) fn rebooted(&self) -> bool {
        let then = self.journal.state.settings.get(SETTING);
        self.boots > 0 && then.is_none_or(|then| *then != self.boots.to_string())
    }

    /// What is to be written of this boot when everything of the one before is.
    pub(super) fn note_boot(&self) -> Option<Change> {
        let name = SETTING.to_owned();
        self.rebooted().then(|| Change::PutSetting { name, value: self.boots.to_string() })
    }
}
