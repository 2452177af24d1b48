//! The `[tls]` table of a file that is applied.

use crate::clock;
use crate::core::Core;
use crate::tls::Prepared;
use camino::Utf8Path;
use gapless_api::{About, ErrorBody, ErrorKind};
use gapless_model::AppSpec;
use gapless_model::route::RouteSpec;
use gapless_model::tls::TlsSpec;

/// Reads the files of a table, where nobody has to wait for a disk.
pub(super) async fn prepare(tls: Option<TlsSpec>, home: &Utf8Path) -> Option<Prepared> {
    let (spec, home) = (tls?, home.to_owned());
    tokio::task::spawn_blocking(move || Prepared::read(spec, &home)).await.ok()
}

/// Refuses what TLS cannot be spoken by. Returns where else than on routes is listened, as routes to nowhere.
///
/// # Errors
/// A certificate that cannot be used, or a route that speaks TLS by nothing.
pub(super) fn check(
    core: &Core,
    specs: &[AppSpec],
    tls: Option<&Prepared>,
) -> Result<Vec<RouteSpec>, ErrorBody> {
    let refused = |message: String, hint: &str, route: Option<&RouteSpec>| ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!("{message}. Nothing was changed"),
        hint: Some(hint.to_owned()),
        about: route.map(|route| Box::new(About::Route(route.clone()))),
    };
    let Some(tls) = tls else {
        let mut routes = specs.iter().flat_map(|spec| &spec.settings.routes);
        return match routes.find(|route| route.tls && core.keychain.spec().is_none()) {
            None => Ok(Vec::new()),
            Some(route) => {
                let message = format!("the route {route} speaks TLS, and there is no certificate");
                Err(refused(message, "add a table [tls] to the file", Some(route)))
            }
        };
    };
    let checked = core.keychain.check(tls, clock::now().wall);
    checked.map_err(|bad| refused(bad.to_string(), bad.hint(), None))?;
    let to_nowhere = |listen| RouteSpec { listen, host: None, path: "/".to_owned(), tls: false };
    Ok(tls.spec.redirect.iter().copied().map(to_nowhere).collect())
}
