//! Instances as they are: processes with a life of their own. Control sees of them what probes and exits say,
//! and they outlive it.

use super::event::{Event, Turn};
use super::scenario::{Character, Fate, Leave};
use super::world::World;
use gapless_control::engine::Found;
use gapless_model::instance::ProcessId;
use gapless_model::{Address, Exit, InstanceId, ReleaseId};

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) instance: InstanceId,
    pub(super) release: ReleaseId,
    character: Character,
    /// Whether it has been told to stop.
    pub(super) leaving: bool,
    pub(super) health: Health,
    /// Whether it was ready once.
    pub(super) served: bool,
    /// How it ended; none while it runs.
    pub(super) exit: Option<Exit>,
}

/// How it really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It does not listen yet.
    Booting,
    /// It serves.
    Ready,
    /// It serves, and asks for no more.
    Unready,
    /// It listens and never answers.
    Wedged,
}

impl Process {
    /// Whether it accepts connections.
    pub(super) fn listens(&self) -> bool {
        self.exit.is_none() && self.health != Health::Booting
    }

    /// Where it is reached.
    pub(super) fn address(instance: &InstanceId) -> Address {
        Address::Unix(format!("/run/{instance}.sock").into())
    }

    /// Whether it still runs and would answer a request.
    pub(super) fn can_serve(&self) -> bool {
        self.exit.is_none() && matches!(self.health, Health::Ready | Health::Unready)
    }
}

impl World {
    /// Begins a process; none if its release cannot be executed.
    pub(super) fn spawn(&mut self, instance: &InstanceId, release: ReleaseId) -> Option<ProcessId> {
        let character = self.characters.get(&(instance.app().clone(), release)).copied().unwrap_or_default();
        let tries = self.tries.entry(instance.clone()).or_default();
        *tries += 1;
        let first_try = *tries == 1;
        if character.fate == Fate::CannotSpawn {
            return None;
        }
        self.next_pid += 1;
        let id = ProcessId { pid: self.next_pid, started: self.queue.now };
        let boot = character.boot + self.rng.u64(0..=character.boot / 2);
        let process = |turn| Event::Process { pid: id.pid, turn };
        match character.fate {
            Fate::CrashesAtBoot => self.queue.after(boot, process(Turn::Ends { code: 1 })),
            Fate::StumblesOnce if first_try => self.queue.after(boot, process(Turn::Ends { code: 1 })),
            Fate::NeverReady => {}
            _ => self.queue.after(boot, process(Turn::Booted)),
        }
        let process = Process {
            id,
            instance: instance.clone(),
            release,
            character,
            leaving: false,
            health: Health::Booting,
            served: false,
            exit: None,
        };
        self.processes.insert(id.pid, process);
        self.running.insert(instance.clone(), id.pid);
        self.check_room(instance.app());
        self.check_alone(instance, release);
        Some(id)
    }

    /// The running process of an instance.
    pub(super) fn process_of(&self, instance: &InstanceId) -> Option<&Process> {
        self.running.get(instance).and_then(|pid| self.processes.get(pid))
    }

    /// A process's life goes on.
    pub(super) fn turn(&mut self, pid: u32, turn: Turn) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if process.exit.is_some() {
            return;
        }
        let instance = process.instance.clone();
        let fate = process.character.fate;
        match turn {
            Turn::Booted => {
                process.health = Health::Ready;
                process.served = true;
                let later = |turn| Event::Process { pid, turn };
                match fate {
                    Fate::CrashesAfter(ms) => self.queue.after(ms, later(Turn::Ends { code: 1 })),
                    Fate::FinishesAfter(ms) => self.queue.after(ms, later(Turn::Ends { code: 0 })),
                    Fate::WedgesAfter(ms) => self.queue.after(ms, later(Turn::Wedges)),
                    Fate::Flaps(up, down) => {
                        for cycle in 0..2 {
                            self.queue.after(up + cycle * (up + down), later(Turn::Ready(false)));
                            self.queue.after((cycle + 1) * (up + down), later(Turn::Ready(true)));
                        }
                    }
                    _ => {}
                }
                self.note_ready(instance.app());
                self.probes_see(&instance);
            }
            Turn::Ready(ready) => {
                match (process.health, ready) {
                    (Health::Ready, false) => process.health = Health::Unready,
                    (Health::Unready, true) => process.health = Health::Ready,
                    _ => return,
                }
                self.probes_see(&instance);
            }
            Turn::Wedges => {
                process.health = Health::Wedged;
                self.probes_see(&instance);
            }
            Turn::Ends { code } => {
                self.note_end(instance.app(), Exit::Code(code));
                self.end(pid, Exit::Code(code));
            }
            Turn::Leaves => self.end(pid, Exit::Code(0)),
            Turn::Killed => self.end(pid, Exit::Signal(9)),
        }
    }

    /// Sends the stop signal.
    pub(super) fn signal(&mut self, pid: u32) {
        let Some(process) = self.processes.get_mut(&pid).filter(|p| p.exit.is_none() && !p.leaving) else {
            return;
        };
        process.leaving = true;
        // What hangs does not hear the signal either.
        let leave = match process.health {
            Health::Wedged => Leave::Ignores,
            _ => process.character.leave,
        };
        if let Leave::After(ms) = leave {
            let takes = self.rng.u64(0..=ms);
            self.queue.after(takes, Event::Process { pid, turn: Turn::Leaves });
        }
    }

    /// It is no more: what it was working on is lost.
    pub(super) fn end(&mut self, pid: u32, exit: Exit) {
        let Some(process) = self.processes.get_mut(&pid).filter(|p| p.exit.is_none()) else { return };
        process.exit = Some(exit);
        let instance = process.instance.clone();
        self.running.remove(&instance);
        self.trace(|| format!("process {pid} of {instance}: {exit}"));
        self.lose_requests_of(pid);
        self.exit_is_seen(&instance, pid);
    }

    /// What a control that begins now finds.
    pub(super) fn found(&self) -> Vec<Found> {
        let running = self.running.values().filter_map(|pid| self.processes.get(pid));
        running.map(|p| Found { instance: p.instance.clone(), release: p.release, process: p.id }).collect()
    }
}
