//! Watching that an app never has less to serve with than it may.

use crate::site::Site;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// From one look to the next.
const EVERY: Duration = Duration::from_millis(20);

/// A rollout on a fast machine may be over sooner; then what came of it is looked at.
const LOOKS: usize = 5;

/// Looks at an app again and again, beside the test.
#[derive(Debug)]
pub struct CapacityWatch {
    done: Arc<AtomicBool>,
    looks: JoinHandle<Vec<u32>>,
}

impl CapacityWatch {
    /// Begins to count the instances of `app` that traffic goes to.
    pub fn begin(site: &Arc<Site>, app: &str) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (site, app, ended) = (Arc::clone(site), app.to_owned(), Arc::clone(&done));
        let looks = std::thread::spawn(move || {
            let mut looks = Vec::new();
            while !ended.load(Ordering::Relaxed) || looks.len() < LOOKS {
                let serving = site.instances(&app).iter().filter(|i| i.state == "ready").count();
                looks.push(u32::try_from(serving).unwrap_or(u32::MAX));
                std::thread::sleep(EVERY);
            }
            looks
        });
        Self { done, looks }
    }

    /// Ends, and holds every look against the floor.
    ///
    /// # Panics
    /// Capacity fell below it.
    #[track_caller]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn never_below(self, floor: u32) {
        self.done.store(true, Ordering::Relaxed);
        let looks = self.looks.join().unwrap();
        assert!(looks.iter().all(|n| *n >= floor), "capacity fell below {floor}: {looks:?}");
    }
}
