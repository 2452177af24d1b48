//! Instances that take more memory than they may.

use super::{Engine, World};
use gapless_model::event::What;
use std::collections::BTreeMap;

impl Engine {
    /// Notes which instances take more than their app lets them, by what each process group takes in bytes. Once seen it
    /// stays so for that process, or it would be replaced and not be replaced in turn.
    pub(super) fn weigh(&mut self, used: &BTreeMap<u32, u64>, world: &mut World<'_>) {
        for app in self.apps.values_mut() {
            let Some(most) = app.settings.max_memory else { continue };
            let mut notes = Vec::new();
            for (id, managed) in &mut app.instances {
                let memory = managed.view.process.and_then(|process| used.get(&process.pid)).copied();
                let Some(memory) = memory.filter(|memory| *memory > most) else { continue };
                if managed.outgrown.replace(memory).is_none() && managed.retiring.is_none() {
                    notes.push(What::InstanceOutgrown { instance: id.clone(), memory, most });
                }
            }
            if notes.is_empty() {
                continue;
            }
            let changes = notes.into_iter().map(|what| app.note(world.now, what)).collect();
            world.journal.commit(0, changes);
            self.dirty.insert(app.name.clone());
        }
    }
}
