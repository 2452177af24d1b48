//! Whether apps can be run as the users that a file names.

use gapless_api::{About, ErrorBody, ErrorKind};
use gapless_model::AppSpec;
use gapless_sys::identity::{Identity, UnknownError};

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
            let refused = |why: String, hint: &str, key: &str| ErrorBody {
                kind: ErrorKind::BadRequest,
                message: format!("{app} cannot run as the user or group that [apps.{app}] names: {why}. Nothing was changed"),
                hint: Some(hint.to_owned()),
                about: Some(Box::new(About::Key { app: app.clone(), key: key.to_owned() })),
            };
            if !root {
                let hint = "run Gapless as root, or as that user and leave `user` and `group` out";
                let key = if process.user.is_some() { "user" } else { "group" };
                return Err(refused("only root can become somebody else".to_owned(), hint, key));
            }
            Identity::named(process.user.as_deref(), process.group.as_deref()).map(drop).map_err(|error| {
                let (key, hint) = match error {
                    UnknownError::Group(_) => ("group", "`groupadd --system NAME` makes a group; `getent group` lists those there are"),
                    _ => ("user", "`useradd --system NAME` makes a user; `getent passwd` lists those there are"),
                };
                refused(error.to_string(), hint, key)
            })
        })
    });
    checked.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
