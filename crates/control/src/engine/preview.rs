//! How a new release is reached before it is public.

use super::{App, Engine, Run};
use crate::platform::Platform;
use gapless_model::{AppName, Preview, PreviewSecret, RolloutPhase, Strategy};
use gapless_routing::PreviewRouting;
use std::collections::BTreeSet;
use std::net::SocketAddr;

impl Engine {
    /// Where the proxy listens: the apps' public addresses, and those of previews.
    pub fn listening(&self) -> BTreeSet<SocketAddr> {
        let apps = self.apps.values().filter(|a| a.run != Run::Deleted);
        let routed = apps.flat_map(|a| a.settings.routes.iter().map(|r| r.listen).chain(a.previewed_at()));
        routed.chain(self.redirecting().iter().copied()).collect()
    }
}

impl Engine {
    /// The processes of an app beside which its newest rollout starts as many again; none if that is not its way.
    pub fn doubled(&self, name: &AppName) -> Vec<u32> {
        let Some(app) = self.apps.get(name) else { return Vec::new() };
        let active = app.active.as_ref().map(|active| active.rollout.strategy);
        let queued =
            app.queued.as_ref().map(|queued| queued.strategy.unwrap_or(app.settings.rollout.strategy));
        if queued.or(active) != Some(Strategy::BlueGreen) {
            return Vec::new();
        }
        app.instances.values().filter_map(|i| i.view.process.map(|process| process.pid)).collect()
    }
}

impl App {
    /// Where its previews are to be reached.
    fn previewed_at(&self) -> impl Iterator<Item = SocketAddr> {
        let own = self.active.as_ref().filter(|active| !active.rollout.has_ended());
        let own = own.and_then(|active| active.rollout.preview.as_ref()?.address);
        let fixed = if self.is_routed() { self.settings.rollout.preview } else { None };
        fixed.into_iter().chain(own)
    }

    /// A preview for a rollout that begins, or goes on under another control. What is checked without an address
    /// of its own gets one.
    pub(super) fn open_preview(&self, secret: Option<PreviewSecret>, platform: &mut dyn Platform) -> Preview {
        let spec = &self.settings.rollout;
        let address = spec.preview.or_else(|| spec.verify.as_ref().and_then(|_| platform.open_preview()));
        Preview { secret: secret.unwrap_or_else(|| PreviewSecret::new(platform.secret())), address }
    }

    /// What the proxy needs to know of it, as long as the new release is not public.
    pub(super) fn preview_routing(&self) -> Option<PreviewRouting> {
        let rollout = &self.active.as_ref()?.rollout;
        let preview = rollout.preview.as_ref()?;
        let before = matches!(
            rollout.phase,
            RolloutPhase::Replacing { .. } | RolloutPhase::Verifying { .. } | RolloutPhase::Verified { .. }
        );
        before.then(|| PreviewRouting { secret: preview.secret.clone(), address: preview.address })
    }
}
