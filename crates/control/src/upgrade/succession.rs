//! A proxy of our own version.

use crate::core::Desk;
use crate::link::Successor;
use gapless_sys::program;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a successor may take until it routes as was decided.
const ROUTES: Duration = Duration::from_secs(30);

/// Lets a proxy of our own version follow the one that is found, if that is of another. It is tried once: if it
/// fails the former one goes on, and `status` says so.
pub(crate) async fn keep_ours(mut desk: Desk, successors: mpsc::Sender<Successor>) {
    let found = loop {
        match desk.ask(|core| core.engine.proxy()).await {
            Ok(Some(pid)) if program::is_there(pid) => break pid,
            // One that has ended, as another one with more workers takes its place, is of no version.
            Ok(_) if desk.changed().await.is_ok() => {}
            _ => return,
        }
    };
    if program::is_ours(found) {
        return;
    }
    tracing::info!("the proxy (pid {found}) is of another version; one of ours follows it");
    if let Err(why) = follow(&mut desk, &successors).await {
        let trouble = format!(
            "the proxy (pid {found}) is of another version than control, and goes on: one of this version was \
             started, and {why}; see logs/proxy.log"
        );
        tracing::error!("{trouble}");
        // When control ends meanwhile the next one tries again.
        let _ = desk.ask(move |core| core.troubles.push(trouble)).await;
    }
}

fn gone<E>(_: E) -> String {
    "control is ending".to_owned()
}

/// Starts another proxy, and returns when it serves alone.
async fn follow(desk: &mut Desk, successors: &mpsc::Sender<Successor>) -> Result<(), String> {
    let (answer, answered) = oneshot::channel();
    successors.send(answer).await.map_err(gone)?;
    let pid = answered.await.map_err(gone)??;
    let serves = async {
        while desk.ask(move |core| core.engine.proxy() != Some(pid)).await.map_err(gone)? {
            desk.changed().await.map_err(gone)?;
        }
        Ok(())
    };
    match timeout(ROUTES, serves).await {
        Ok(ended) => ended,
        Err(_) => {
            desk.ask(move |core| core.act(|engine, world| engine.retire_proxy(pid, world)))
                .await
                .map_err(gone)?;
            Err(format!("it (pid {pid}) did not route as it should within {ROUTES:?}"))
        }
    }
}
