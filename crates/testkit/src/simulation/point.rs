//! The places at which control can be killed: around each write of its journal, and around each of its effects.
//!
//! What is on disk and what is in the world change at these places only, so that whatever a control that comes
//! next can find is found by killing its predecessor at each of them in turn.

use super::world::World;

/// A place, and when it was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// In virtual milliseconds from when all apps served.
    pub at: u64,
    /// At which event of the story.
    pub turn: u64,
    /// Where.
    pub place: Place,
}

impl Point {
    /// Whether whoever dies here leaves just what it would have left at the point before.
    pub fn is_as(&self, before: &Self) -> bool {
        let begins = matches!(self.place, Place::Before(_) | Place::BeforeWrite);
        self.turn == before.turn && begins && matches!(before.place, Place::After(_))
    }
}

/// A place at which control can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An entry is decided, and the journal does not have it yet.
    BeforeWrite,
    /// The journal has it in hand: what was ordered after it may be done already, and it is not on disk.
    InWrite,
    /// It is on disk, and control has not heard so.
    AfterWrite,
    /// Something is about to be done.
    Before(Effect),
    /// It was done, and nothing after it.
    After(Effect),
}

/// Something that control does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// A supervisor of an instance begins.
    Start,
    /// A supervisor takes a running instance over.
    Adopt,
    /// An instance is to be stopped.
    Stop,
    /// An instance is to be stopped and started.
    Restart,
    /// What was known of an instance is dropped.
    Forget,
    /// A process of no app is ended.
    EndStray,
    /// A release is checked.
    Verify,
    /// It is checked no longer.
    EndVerification,
    /// The proxy gets a snapshot.
    Route,
    /// A proxy is to retire.
    RetireProxy,
    /// Something on disk beside the journal follows.
    Tidy,
    /// A process is begun.
    Spawn,
    /// A process gets its stop signal.
    Signal,
    /// A process gets SIGKILL.
    Kill,
}

impl World {
    /// Control has come to a place; whether it dies there.
    pub(super) fn dies_at(&mut self, place: Place) -> bool {
        if !self.serves || self.control.is_none() {
            return false;
        }
        let at = self.queue.now - self.began;
        self.report.points.push(Point { at, turn: self.turn, place });
        let dies = self.scenario.strikes.contains(&self.report.points.len());
        if dies {
            self.trace(|| format!("at {place:?}:"));
            self.kill_control();
        }
        dies
    }
}
