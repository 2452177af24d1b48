//! Checks new releases before they are public: requests to the preview, then a command. One app's at a time, each
//! a task of its own; how it ended goes into the loop like every other observation.

mod check;
mod tail;

use crate::engine::Input;
use crate::platform::VerifyOrder;
use camino::Utf8PathBuf;
use check::Ask;
use gapless_model::time::Spoken;
use gapless_model::{AppName, CommandLine, Exit};
use gapless_rollout::Verification;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tail::Tail;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Checks releases.
#[derive(Debug)]
pub struct Verifier {
    home: Utf8PathBuf,
    ended: mpsc::Sender<Input>,
    running: BTreeMap<AppName, AbortHandle>,
}

impl Verifier {
    /// Checks for the installation at `home`; how each ends goes to `ended`.
    pub const fn new(home: Utf8PathBuf, ended: mpsc::Sender<Input>) -> Self {
        Self { home, ended, running: BTreeMap::new() }
    }

    /// Begins to check. What goes on for the same app is ended.
    pub fn begin(&mut self, order: VerifyOrder) {
        let (home, ended) = (self.home.clone(), self.ended.clone());
        let app = order.app.clone();
        let task = tokio::spawn(async move {
            let outcome = verify(&home, &order).await;
            let VerifyOrder { app, rollout, .. } = order;
            // Gone only with the loop.
            drop(ended.send(Input::Verified { app, rollout, outcome }).await);
        });
        self.end(&app);
        self.running.insert(app, task.abort_handle());
    }

    /// Checks no longer: a command that runs is killed.
    pub fn end(&mut self, app: &AppName) {
        if let Some(task) = self.running.remove(app) {
            task.abort();
        }
    }
}

/// How far it has come, for one that is not waited for any longer.
#[derive(Default)]
struct Progress {
    doing: String,
    said: Tail,
}

async fn verify(home: &camino::Utf8Path, order: &VerifyOrder) -> Verification {
    let after = order.spec.timeout;
    let mut progress = Progress::default();
    let ended = tokio::time::timeout(after, all(home, order, &mut progress)).await;
    let late = || format!("{} within {}", progress.doing, Spoken(after));
    match ended.unwrap_or_else(|_| Err(late())) {
        Ok(()) => Verification::Passed,
        Err(what) => Verification::Failed { what, output: progress.said.lines() },
    }
}

async fn all(home: &camino::Utf8Path, order: &VerifyOrder, progress: &mut Progress) -> Result<(), String> {
    let address = order.preview.as_ref().and_then(|preview| preview.address).map(reachable);
    if !order.spec.checks.is_empty() {
        let Some(address) = address else {
            return Err("the new release has no address at which it could be checked".to_owned());
        };
        for check in &order.spec.checks {
            Ask { address, host: order.host.as_deref(), secure: order.secure, check }
                .until_answered(&mut progress.doing)
                .await?;
        }
    }
    match &order.spec.command {
        Some(command) => run(home, order, command, address, progress).await,
        None => Ok(()),
    }
}

async fn run(
    home: &camino::Utf8Path,
    order: &VerifyOrder,
    command: &CommandLine,
    address: Option<SocketAddr>,
    progress: &mut Progress,
) -> Result<(), String> {
    progress.doing = format!("`{command}` did not end");
    let mut more = BTreeMap::from([
        ("GAPLESS_APP".to_owned(), order.app.to_string()),
        ("GAPLESS_RELEASE".to_owned(), order.release.id.to_string()),
    ]);
    if let (Some(preview), Some(address)) = (&order.preview, address) {
        more.insert("GAPLESS_PREVIEW_URL".to_owned(), format!("http://{address}"));
        more.insert("GAPLESS_PREVIEW_SECRET".to_owned(), preview.secret.as_str().to_owned());
    }
    let said = &mut progress.said;
    match gapless_supervise::once(home, &order.release, command, more, |bytes| said.take(bytes)).await? {
        Exit::Code(0) => Ok(()),
        exit => Err(format!("`{command}` {exit}")),
    }
}

/// Where something that listens on every address is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
