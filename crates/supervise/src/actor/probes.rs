//! The probes of one process.

use crate::probe::{Health, Prober, Rhythm};
use crate::target::Target;
use gapless_model::ReleaseSpec;
use gapless_model::probe::ProbeReport;
use std::sync::Arc;

/// Those that are being asked at present.
#[derive(Debug)]
pub(super) struct Probes {
    /// Must pass once before anything else is asked.
    startup: Option<Prober>,
    readiness: Option<Prober>,
    liveness: Option<Prober>,
}

/// An answer, by what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Live(Health),
    Ready(Health),
}

impl Probes {
    /// On the way to the first readiness.
    pub(super) fn starting(spec: &ReleaseSpec, target: &Arc<Target>) -> Self {
        let prober = |spec| Prober::new(spec, target, Rhythm::Starting);
        Self {
            startup: spec.startup.as_ref().map(prober),
            readiness: Some(prober(&spec.ready)),
            liveness: None,
        }
    }

    /// In service.
    pub(super) fn settled(spec: &ReleaseSpec, target: &Arc<Target>) -> Self {
        let prober = |spec: &_| Prober::lasts(spec).then(|| Prober::new(spec, target, Rhythm::Steady));
        Self { startup: None, readiness: prober(&spec.ready), liveness: spec.live.as_ref().and_then(prober) }
    }

    /// Waits for the next answer on the way to the first readiness.
    pub(super) async fn boot(&mut self) -> Health {
        if let Some(startup) = &mut self.startup {
            if startup.next().await == Health::Healthy {
                self.startup = None;
            }
            return Health::Undecided;
        }
        next(&mut self.readiness).await
    }

    /// Waits for the next answer to the liveness probe; for ever if there is nothing to ask.
    pub(super) async fn live(&mut self) -> Health {
        next(&mut self.liveness).await
    }

    /// Waits for the next answer in service.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            health = next(&mut self.liveness) => Asked::Live(health),
            health = next(&mut self.readiness) => Asked::Ready(health),
        }
    }

    /// Whether readiness is asked at all after it was there once.
    pub(super) const fn ask_readiness(&self) -> bool {
        self.readiness.is_some()
    }

    /// What the last probe on the way to readiness got.
    pub(super) fn boot_report(&self) -> Option<ProbeReport> {
        self.startup.as_ref().or(self.readiness.as_ref())?.last()
    }

    /// What the last readiness probe got.
    pub(super) fn readiness_report(&self) -> Option<ProbeReport> {
        self.readiness.as_ref()?.last()
    }

    /// What the last liveness probe got.
    pub(super) fn liveness_report(&self) -> Option<ProbeReport> {
        self.liveness.as_ref()?.last()
    }
}

async fn next(prober: &mut Option<Prober>) -> Health {
    match prober {
        Some(prober) => prober.next().await,
        None => std::future::pending().await,
    }
}
