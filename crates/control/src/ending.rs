//! How control ends, and what it sees to before.

use crate::core::Desk;
use crate::{server, service};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// How long the proxy may take for what is begun when everything goes down.
const PROXY_LAST: Duration = Duration::from_secs(5);

/// How often the keeper is looked for.
const LOOK_FOR_KEEPER: Duration = Duration::from_secs(1);

/// How long a proxy may take to come up and have the listeners, before control goes without that.
const HANDED_OVER: Duration = Duration::from_secs(10);

/// How often it is looked whether one has.
const LOOK_FOR_PROXY: Duration = Duration::from_millis(20);

/// Why control ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything is stopped.
    Down,
    /// On SIGTERM (from the keeper, or a system that shuts down): what runs goes on, and whoever comes next
    /// adopts it.
    Asked,
    /// The control of another version follows: started by the keeper, or, without one, in our process.
    Upgraded(PathBuf),
    /// Nobody would start us again. Another keeper is started, and a control of its own.
    KeeperGone,
}

/// Waits until control has to end, and sees to what must be done before.
pub(crate) async fn end(
    mut ends: mpsc::Receiver<server::End>,
    desk: Desk,
    stop: oneshot::Sender<()>,
    link: tokio::task::JoinHandle<()>,
) -> std::io::Result<Ending> {
    let mut terminate = signal(SignalKind::terminate())?;
    let ending = tokio::select! {
        end = ends.recv() => match end {
            Some(server::End::Upgrade(program)) => Ending::Upgraded(program),
            Some(server::End::Down) | None => Ending::Down,
        },
        _ = terminate.recv() => Ending::Asked,
        () = keeper_gone() => Ending::KeeperGone,
    };
    tracing::info!("ending: {ending:?}");
    if ending == Ending::KeeperGone {
        drop(tokio::time::timeout(HANDED_OVER, listeners_are_safe(&desk)).await);
    }
    if !matches!(ending, Ending::Upgraded(_)) {
        service::say_stopping();
    }
    if ending == Ending::Down {
        // Nobody is left to whom the proxy could send requests.
        let _ = desk.ask(|core| core.local.shut_proxy_down(PROXY_LAST)).await;
        drop(tokio::time::timeout(PROXY_LAST * 2, link).await);
    }
    // The loop may have ended by itself.
    let _ = stop.send(());
    Ok(ending)
}

/// Resolves once a proxy has every listener. With the keeper gone nobody else has them but us, and whoever follows us
/// gets them from there: were we gone before, the kernel would refuse whoever connects. A proxy may have been killed
/// together with the keeper, and the next one be no further than that it runs.
async fn listeners_are_safe(desk: &Desk) {
    while let Ok(false) = desk.ask(|core| core.listeners_are_served()).await {
        tokio::time::sleep(LOOK_FOR_PROXY).await;
    }
}

/// Resolves when the keeper that started us is no more; never if there was none.
async fn keeper_gone() {
    let Some(keeper) = crate::keeper_pid() else { return std::future::pending().await };
    // When it ends somebody else becomes our parent.
    while std::os::unix::process::parent_id() == keeper {
        tokio::time::sleep(LOOK_FOR_KEEPER).await;
    }
}
