//! Who asked for what: every command is written into the journal, and everybody who was turned away.

use crate::clock;
use gapless_model::AppName;
use gapless_model::event::{Asker, What};
use gapless_store::{Change, Journal};
use gapless_sys::account;
use gapless_sys::peer::Peer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of one user that is turned away again and again so much is noted: the history has an end, and is not to be
/// pushed out of it by somebody who may nothing.
const PACE: Duration = Duration::from_secs(10);

/// Users that were turned away and are remembered; more are noted without counting.
const REMEMBERED: usize = 256;

/// Writes it down.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    journal: Arc<Journal>,
    refused: Arc<Mutex<HashMap<u32, Turned>>>,
}

/// Somebody who was turned away.
#[derive(Debug)]
struct Turned {
    noted: Instant,
    /// How often since.
    times: u32,
}

impl Audit {
    /// Into this journal.
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, refused: Arc::default() }
    }

    /// Who is at the other end, by name: asks the name service, which may take its time.
    pub(crate) fn asker(peer: &Peer) -> Asker {
        let user = account::user_of(peer.uid).ok().flatten().map(|user| user.name);
        let program = peer.pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        let program = program.map(|name| name.trim_end().replace(char::is_control, "?"));
        Asker { uid: peer.uid, user, pid: peer.pid, program }
    }

    /// A command, about to be done.
    pub(crate) fn asked(&self, by: Asker, command: String, app: Option<AppName>) {
        self.note(What::Asked { by, command }, app);
    }

    /// Somebody who was turned away.
    pub(crate) fn refused(&self, by: Asker, command: String, app: Option<AppName>) {
        let Some(times) = self.count(by.uid, Instant::now()) else { return };
        tracing::warn!("refused: {by} asked for: {command}");
        self.note(What::Refused { by, command, times }, app);
    }

    /// How often it happened since it was last noted, this time included; none if it is not to be noted now.
    fn count(&self, uid: u32, now: Instant) -> Option<u32> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, turned| turned.times > 0 || now.duration_since(turned.noted) < PACE);
        if let Some(turned) = refused.get_mut(&uid) {
            turned.times = turned.times.saturating_add(1);
            if now.duration_since(turned.noted) < PACE {
                return None;
            }
            turned.noted = now;
            return Some(std::mem::take(&mut turned.times));
        }
        if refused.len() < REMEMBERED {
            refused.insert(uid, Turned { noted: now, times: 0 });
        }
        Some(1)
    }

    fn note(&self, what: What, app: Option<AppName>) {
        // What happened: nobody waits for it, and the journal itself says if it could not be written.
        drop(self.journal.commit(vec![Change::Note { at: clock::now().wall, app, what }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_again_and_again_is_counted_and_not_written_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(directory.path().join("journal.db")).unwrap();
        let audit = Audit::new(Arc::new(Journal::open(&path).unwrap().0));
        let began = Instant::now();
        assert_eq!(audit.count(7, began), Some(1));
        assert_eq!(audit.count(7, began), None);
        assert_eq!(audit.count(8, began), Some(1), "somebody else");
        assert_eq!(audit.count(7, began + PACE / 2), None);
        assert_eq!(audit.count(7, began + PACE), Some(3));
        assert_eq!(audit.count(7, began + PACE * 3), Some(1));
    }
}
