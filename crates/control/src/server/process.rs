//! Whether apps can be run as the users that a file names.

use gapless_api::{ErrorBody, ErrorKind};
use gapless_model::AppSpec;
use gapless_sys::identity::Identity;

/// Refuses what could not be started. Asks the name service where nobody waits for that.
///
/// # Errors
/// There is no such user or group, or we have no right to become it.
pub(super) async fn check(apps: &[AppSpec]) -> Result<(), ErrorBody> {
    let named = apps.iter().filter(|app| app.release.process.is_another());
    let named: Vec<_> = named.map(|app| (app.name.clone(), app.release.process.clone())).collect();
    if named.is_empty() {
        return Ok(());
    }
    let checked = tokio::task::spawn_blocking(move || {
        let root = rustix::process::geteuid().is_root();
        named.into_iter().try_for_each(|(app, process)| {
            let refused = |why: String, hint: &str| ErrorBody {
                kind: ErrorKind::BadRequest,
                message: format!("{app} cannot run as the user or group that [apps.{app}] names: {why}. Nothing was changed"),
                hint: Some(hint.to_owned()),
                route: None,
            };
            if !root {
                let hint = "run Gapless as root, or as that user and leave `user` and `group` out";
                return Err(refused("only root can become somebody else".to_owned(), hint));
            }
            Identity::named(process.user.as_deref(), process.group.as_deref()).map(drop).map_err(|error| {
                refused(error.to_string(), "`useradd --system NAME` makes a user; `getent passwd` lists those there are")
            })
        })
    });
    checked.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
