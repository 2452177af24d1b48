//! Who is in which process group.
//!
//! The kernel does not tell when a group is empty; it has to be looked for among all processes. Many may ask
//! at once (a hundred instances being stopped), so one look answers all who asked meanwhile, and looking never
//! takes more than a fixed share of the time.

use gapless_sys::process::{self, Stat};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// As many questions as may wait; more wait to be asked.
const WAITING: usize = 128;
/// For each look, this many times as long is spent on other things.
const REST: u32 = 4;

/// The way to ask.
#[derive(Debug, Clone)]
pub(crate) struct Census(mpsc::Sender<Question>);

#[derive(Debug)]
struct Question {
    group: u32,
    answer: oneshot::Sender<Vec<Stat>>,
}

impl Census {
    /// Starts the task that looks; it ends with the last handle to it.
    pub(crate) fn start() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(answer_all(receiver));
        Self(sender)
    }

    /// The processes of `group` that have not ended, as they are after the question was asked. None if nobody
    /// can say.
    pub(crate) async fn members(&self, group: u32) -> Option<Vec<Stat>> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Question { group, answer }).await.ok()?;
        answered.await.ok()
    }
}

async fn answer_all(mut questions: mpsc::Receiver<Question>) {
    let mut asked = Vec::new();
    while questions.recv_many(&mut asked, WAITING).await > 0 {
        // Whoever can run now may want to ask the same.
        tokio::task::yield_now().await;
        while let Ok(question) = questions.try_recv() {
            asked.push(question);
        }
        let began = Instant::now();
        let processes = process::all().unwrap_or_default();
        for Question { group, answer } in asked.drain(..) {
            let members = processes.iter().filter(|stat| stat.group == group && !stat.zombie);
            // One who does not wait any more needs no answer.
            let _ = answer.send(members.copied().collect());
        }
        tokio::time::sleep(began.elapsed() * REST).await;
    }
}
