//! `gapless.toml` for the app of these tests.

use crate::site::Site;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where the apps of these tests are.
pub fn apps_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("apps")
}

/// `apps/cases.mjs` as an app named `app`, with fast probes and a short bake.
#[derive(Debug, Clone)]
pub struct CaseApp {
    /// How many instances.
    pub instances: u32,
    /// Its environment: what `cases.mjs` reads.
    pub env: BTreeMap<String, String>,
    /// `ready.deadline`.
    pub deadline: String,
    /// `rollout.bake`.
    pub bake: String,
    /// Further lines for `[apps.app.rollout]`.
    pub rollout: String,
    /// Further lines for `[apps.app]`.
    pub keys: String,
    /// Further tables.
    pub tables: String,
}

impl CaseApp {
    /// So many instances of version `v1`.
    pub fn new(instances: u32) -> Self {
        let env = BTreeMap::from([("VERSION".to_owned(), "v1".to_owned())]);
        Self {
            instances,
            env,
            deadline: "30s".into(),
            bake: "500ms".into(),
            rollout: String::new(),
            keys: String::new(),
            tables: String::new(),
        }
    }

    /// The same with another variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Its `gapless.toml` on the site's address.
    pub fn toml(&self, site: &Site) -> String {
        let mut env = String::new();
        for (name, value) in &self.env {
            let separator = if env.is_empty() { "" } else { ", " };
            // A Rust string literal of plain text is a TOML one.
            let _ = write!(env, "{separator}{name} = {value:?}");
        }
        let Self { instances, deadline, bake, rollout, keys, tables, .. } = self;
        format!(
            "[apps.app]\ncommand = [\"node\", {script:?}]\nport = 3000\ninstances = {instances}\n\
             env = {{ {env} }}\n{keys}\n\n[[apps.app.routes]]\nlisten = \"{address}\"\n\n\
             [apps.app.ready]\npath = \"/ready\"\ninterval = \"100ms\"\ndeadline = \"{deadline}\"\n\n\
             [apps.app.rollout]\nbake = \"{bake}\"\n{rollout}\n\n{tables}\n",
            script = apps_directory().join("cases.mjs").display().to_string(),
            address = site.address(),
        )
    }

    /// Writes it as the site's `gapless.toml`.
    pub fn define(&self, site: &Site) {
        site.write("gapless.toml", self.toml(site));
    }

    /// Writes it and brings it up.
    ///
    /// # Panics
    /// It does not come up.
    #[track_caller]
    pub fn up(&self, site: &Site) {
        self.define(site);
        let _ = site.gapless(&["up"]).succeeds();
    }
}
