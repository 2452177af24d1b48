//! What is spoken on which listener.

use super::{Engine, Refusal, Run};
use gapless_api::{About, ErrorKind};
use gapless_model::route::{HostPattern, RouteSpec};
use gapless_model::tls::TlsSpec;
use gapless_model::{AppName, AppSpec};
use gapless_routing::Protocol;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What `[tls]` says of listeners.
#[derive(Debug, Default)]
pub(super) struct Public {
    /// Where plain HTTP is sent to https.
    redirect: Vec<SocketAddr>,
    /// For how many seconds clients shall come by https only.
    hsts: Option<u64>,
}

impl Engine {
    /// Listeners speak TLS like this from here on.
    pub fn set_tls(&mut self, spec: &TlsSpec) {
        self.public = Public { redirect: spec.redirect.clone(), hsts: spec.hsts.map(|age| age.as_secs()) };
        self.routes.change();
        self.version += 1;
    }

    /// The hosts that are spoken by TLS.
    pub fn tls_hosts(&self) -> BTreeSet<HostPattern> {
        self.public_routes().filter(|route| route.tls).filter_map(|route| route.host.clone()).collect()
    }

    /// The routes of all apps that are there.
    fn public_routes(&self) -> impl Iterator<Item = &RouteSpec> {
        self.apps.values().filter(|app| app.run != Run::Deleted).flat_map(|app| &app.settings.routes)
    }

    /// Where plain HTTP is sent to https: nowhere while nobody speaks that.
    pub(super) fn redirecting(&self) -> &[SocketAddr] {
        if self.public_routes().any(|route| route.tls) { &self.public.redirect } else { &[] }
    }

    /// What is spoken, where it is not plain HTTP alone.
    pub(super) fn protocols(&self) -> BTreeMap<SocketAddr, Protocol> {
        let secure: BTreeSet<_> = self.public_routes().filter(|route| route.tls).map(|r| r.listen).collect();
        // The one that needs no port in a URL goes before others.
        let https = secure.iter().map(SocketAddr::port).min_by_key(|port| (*port != 443, *port));
        let redirect = self.redirecting().iter().zip(https.into_iter().cycle());
        let redirect = redirect.map(|(address, port)| (*address, Protocol::Redirect { port }));
        let tls = Protocol::Tls { hsts: self.public.hsts };
        redirect.chain(secure.iter().map(|address| (*address, tls))).collect()
    }

    /// Refuses routes of which one speaks TLS on a listener where another does not, within `specs` or beside what
    /// runs.
    ///
    /// # Errors
    /// The first such pair.
    pub(super) fn check_protocols(&self, specs: &[AppSpec]) -> Result<(), Refusal> {
        let others = self.apps.values().filter(|app| app.run != Run::Deleted);
        let others = others.filter(|app| !specs.iter().any(|spec| spec.name == app.name));
        let mut spoken: BTreeMap<SocketAddr, (&AppName, bool)> = others
            .flat_map(|app| app.settings.routes.iter().map(|route| (route.listen, (&app.name, route.tls))))
            .collect();
        for (name, route) in
            specs.iter().flat_map(|spec| spec.settings.routes.iter().map(|r| (&spec.name, r)))
        {
            let (other, tls) = *spoken.entry(route.listen).or_insert((name, route.tls));
            if tls != route.tls {
                let (with, without) = if tls { (other, name) } else { (name, other) };
                return Err(Refusal {
                    kind: ErrorKind::BadRequest,
                    message: format!("on {} {with} speaks TLS and {without} does not", route.listen),
                    hint: Some("give both routes `tls = true` or none, or another listen address".to_owned()),
                    about: Some(Box::new(About::Route(route.clone()))),
                });
            }
        }
        Ok(())
    }
}
