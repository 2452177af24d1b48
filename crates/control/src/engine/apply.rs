//! Make an app as a file has it: find out what that takes, and take over what needs no new processes.

use super::compare::{release_changes, settings_changes};
use super::numbers::Next;
use super::{App, Engine, Refusal, Run, World};
use crate::platform::Errand;
use gapless_api::{About, ErrorKind};
use gapless_model::event::What;
use gapless_model::route::RouteSpec;
use gapless_model::trust::Trust;
use gapless_model::{AccessLog, AppName, AppSettings, AppSpec, ErrorPages, ReleaseId, ReleaseSpec};
use gapless_release::{Code, Order};
use gapless_store::Change;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What it takes to make an app as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Changes of settings, in words.
    pub settings: Vec<String>,
    /// A new release, with what changed in words; none if the one that runs will do.
    pub release: Option<(ReleaseOrder, Vec<String>)>,
    /// Whether it was stopped and must be started, or waits for its turn to be.
    pub start: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.release.is_none() && !self.start
    }
}

/// A release that is to be made on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOrder {
    /// Of which app.
    pub app: AppName,
    /// What to run, as the user has it.
    pub spec: ReleaseSpec,
    /// The release that it is once more.
    pub reload_of: Option<ReleaseId>,
    /// Where to take the code from; none to run in the user's directory.
    pub code: Option<Code>,
}

impl ReleaseOrder {
    /// The order for the disk: under which number, with the environment that the command line brought along.
    pub fn numbered(self, id: ReleaseId, base_env: BTreeMap<String, String>) -> Order {
        let Self { app, spec, reload_of, code } = self;
        Order { app, id, spec, base_env, reload_of, code }
    }
}

impl Engine {
    /// Refuses what cannot stand together: two apps on one route, within `specs` or beside what runs.
    ///
    /// # Errors
    /// The first such pair.
    pub fn check_routes(&self, specs: &[AppSpec]) -> Result<(), Refusal> {
        let mut taken: BTreeMap<String, &AppName> = BTreeMap::new();
        let named: BTreeSet<&AppName> = specs.iter().map(|s| &s.name).collect();
        let running = self
            .apps
            .values()
            .filter(|a| a.run != Run::Deleted && !named.contains(&a.name))
            .map(|a| (&a.name, &a.settings.routes));
        let wanted = specs.iter().map(|s| (&s.name, &s.settings.routes));
        let key = |r: &RouteSpec| RouteSpec { tls: false, ..r.clone() }.to_string();
        // Those that run come first, so a clash is found at one that is wanted.
        for (name, route) in running.chain(wanted).flat_map(|(n, rs)| rs.iter().map(move |r| (n, r))) {
            if let Some(other) = taken.insert(key(route), name)
                && other != name
            {
                return Err(Refusal {
                    kind: ErrorKind::BadRequest,
                    message: format!("{name} and {other} both want the route {route}"),
                    hint: Some(
                        "give one of them another listen address, host or path, or delete the other app"
                            .to_owned(),
                    ),
                    about: Some(Box::new(About::Route(route.clone()))),
                });
            }
        }
        self.check_previews(specs)?;
        self.check_protocols(specs)
    }

    /// Whether nobody else is to be reached where an app's previews are.
    fn check_previews(&self, specs: &[AppSpec]) -> Result<(), Refusal> {
        let named: BTreeSet<&AppName> = specs.iter().map(|s| &s.name).collect();
        let running = self.apps.values().filter(|a| a.run != Run::Deleted && !named.contains(&a.name));
        let all: Vec<(&AppName, &AppSettings)> = running
            .map(|a| (&a.name, &a.settings))
            .chain(specs.iter().map(|s| (&s.name, &s.settings)))
            .collect();
        let public: BTreeMap<SocketAddr, &AppName> =
            all.iter().flat_map(|(name, s)| s.routes.iter().map(|r| (r.listen, *name))).collect();
        let mut previews: BTreeMap<SocketAddr, &AppName> = BTreeMap::new();
        for (name, settings) in all {
            let Some(at) = settings.rollout.preview.filter(|_| !settings.routes.is_empty()) else { continue };
            if let Some(other) = public.get(&at).copied().or_else(|| previews.insert(at, name)) {
                return Err(Refusal {
                    kind: ErrorKind::BadRequest,
                    message: format!("the previews of {name} are to be reached at {at}, where {other} is"),
                    hint: Some(format!("give `preview` in [apps.{name}.rollout] an address of its own")),
                    about: None,
                });
            }
        }
        Ok(())
    }

    /// What it takes to make an app as `spec` has it.
    pub fn plan(&self, spec: &AppSpec) -> Plan {
        let make = |code| {
            let (app, spec) = (spec.name.clone(), spec.release.clone());
            ReleaseOrder { app, spec, reload_of: None, code }
        };
        let Some(app) = self.apps.get(&spec.name).filter(|a| a.run != Run::Deleted) else {
            return Plan { settings: Vec::new(), release: Some((make(None), Vec::new())), start: false };
        };
        let settings = settings_changes(&app.settings, &spec.settings);
        let start = app.run == Run::Stopped || app.is_held_back();
        let release = match app.latest() {
            None => Some((make(None), Vec::new())),
            Some(latest) => {
                let changes = release_changes(&latest.declared(), &spec.release);
                // One that never worked is tried anew: that nothing changed is no answer to who asks for it.
                let again = app.active.is_none() && app.is_broken();
                // Deployed code stays what it is; another config on it is another release.
                (again || !changes.is_empty())
                    .then(|| (make(latest.code.clone().map(Code::Directory)), changes))
            }
        };
        Plan { settings, release, start }
    }

    /// Takes over settings; the app is known from here on.
    pub fn configure(&mut self, name: &AppName, settings: &AppSettings, world: &mut World<'_>) {
        let mut changes = Vec::new();
        if let Some(app) = self.apps.get_mut(name).filter(|a| a.run != Run::Deleted) {
            if app.settings == *settings {
                return;
            }
            app.settings = settings.clone();
            for id in app.instances.keys() {
                world.platform.reconfigure(id, &settings.restart, &settings.logs);
            }
            changes.push(app.note(world.now, What::SettingsChanged));
        } else if let Some(app) = self.apps.get_mut(name) {
            // Its last instances are still going, as they were told to. Then it begins by the new settings.
            app.run = Run::Stopped;
            app.settings = settings.clone();
            changes.push(app.note(world.now, What::AppDefined));
        } else {
            let mut app = App::new(name.clone(), settings.clone());
            // Numbers are never used twice, not even by an app that was deleted and comes back.
            let next = self.numbers.next(name);
            (app.next_instance, app.next_release) = (next.instance, next.release);
            changes.push(app.note(world.now, What::AppDefined));
            self.apps.insert(name.clone(), app);
        }
        changes.extend(self.apps.get(name).and_then(App::record));
        world.journal.commit(0, changes);
        self.routes.change();
        self.touch(name);
    }

    /// The number of a release that is about to be made. It is used up even if nothing comes of it.
    pub fn reserve_release(&mut self, name: &AppName) -> ReleaseId {
        let unknown = ReleaseId(self.numbers.next(name).release);
        self.apps.get_mut(name).map_or(unknown, |app| {
            let id = ReleaseId(app.next_release);
            app.next_release += 1;
            id
        })
    }

    /// Drops an app whose last instance is gone.
    pub(super) fn forget_app(&mut self, name: &AppName, world: &mut World<'_>) {
        let Some(app) = self.apps.remove(name) else { return };
        let keep = self.numbers.keep(name, Next { instance: app.next_instance, release: app.next_release });
        world.journal.commit(0, vec![keep, Change::DeleteApp(name.clone())]);
        world.platform.tidy(Errand::Remove { app: name.clone() });
        self.routes.change();
    }

    /// Whether, and how, requests are written to the access log.
    pub fn set_access_log(&mut self, log: AccessLog) {
        if self.access_log != log {
            self.access_log = log;
            self.routes.change();
        }
    }

    /// Whose word on the client that they speak for is believed.
    pub fn set_trust(&mut self, trust: Trust) {
        if self.trust != trust {
            self.trust = trust;
            self.routes.change();
        }
    }

    /// What clients see when the proxy answers by itself.
    pub fn set_error_pages(&mut self, pages: ErrorPages) {
        if self.error_pages != pages {
            self.error_pages = pages;
            self.routes.change();
        }
    }
}
