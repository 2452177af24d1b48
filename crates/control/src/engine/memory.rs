//! Instances that take more memory than they may.

use super::{App, Engine, World};
use gapless_model::event::What;
use gapless_model::instance::InstanceView;
use gapless_model::{Release, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Engine {
    /// Notes which instances take more than their app lets them, by what each process group takes in bytes. Once seen
    /// it stays so for that process, or it would be replaced and not be replaced in turn.
    pub(super) fn weigh(&mut self, used: &BTreeMap<u32, u64>, world: &mut World<'_>) {
        for app in self.apps.values_mut() {
            if !app.has_bounded_memory() {
                continue;
            }
            let mut notes = Vec::new();
            for (id, managed) in &mut app.instances {
                let release = app.releases.get(&managed.view.release);
                let Some(most) = bound(app.settings.max_memory, &managed.view, release) else { continue };
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

impl App {
    /// Whether what its instances take is of any interest.
    pub(crate) fn has_bounded_memory(&self) -> bool {
        let lacks =
            |view: &InstanceView| view.unlimited.as_ref().is_some_and(|lacks| lacks.has(Resource::Memory));
        self.settings.max_memory.is_some() || self.instances.values().any(|managed| lacks(&managed.view))
    }
}

/// The memory beyond which an instance is replaced, in bytes. A limit that the kernel does not see to is one.
fn bound(watched: Option<u64>, view: &InstanceView, release: Option<&Arc<Release>>) -> Option<u64> {
    let lacks = view.unlimited.as_ref().is_some_and(|lacks| lacks.has(Resource::Memory));
    let limit = release.filter(|_| lacks).and_then(|release| release.spec.process.limits.memory);
    watched.into_iter().chain(limit).min()
}
