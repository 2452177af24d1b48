//! Looks whether certificate files have changed.

use super::keychain::Reading;
use super::{Stamp, keychain::Keychain};
use crate::clock;
use crate::core::Desk;
use gapless_model::tls::CertificateFiles;
use std::time::Duration;
use tokio::sync::watch;

/// How often files are looked at. A few `stat(2)` a second cost nothing, and see what inotify does not: other
/// file systems, and links that are swapped.
const LOOK: Duration = Duration::from_secs(1);

/// Watches until control ends.
pub async fn watch(mut watched: watch::Receiver<Vec<(CertificateFiles, Option<Stamp>)>>, desk: Desk) {
    loop {
        // Who has no files is not looked at.
        if watched.wait_for(|files| !files.is_empty()).await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK).await;
        let files = watched.borrow_and_update().clone();
        let read = tokio::task::spawn_blocking(move || {
            let changed = files.into_iter().filter(|(files, stamp)| Stamp::of(files) != *stamp);
            changed.map(|(files, _)| Reading::of(files)).collect::<Vec<_>>()
        });
        let Ok(changed) = read.await else { continue };
        if !changed.is_empty() {
            let take = |core: &mut crate::core::Core| {
                Keychain::reread(&mut core.keychain, changed, clock::now().wall);
            };
            if desk.ask(take).await.is_err() {
                return;
            }
        }
    }
}
