//! The rhythm of one probe.

use super::ask::{ask, asked};
use super::thresholds::{Health, Thresholds};
use crate::clock;
use crate::target::Target;
use gapless_model::ProbeSpec;
use gapless_model::probe::{ProbeAnswer, ProbeKind, ProbeReport};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause before the first probe of a process that was just started, and between the first two.
const QUICK: Duration = Duration::from_millis(20);

/// The longest pause: whoever asks for more, asks for none at all.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How the pauses between two probes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Often at first, then ever less up to the interval: the end of a boot is noticed soon.
    Starting,
    /// As the interval says.
    Steady,
}

/// Asks again and again, and counts. It may be left waiting or asking at any point and taken up again.
pub(crate) struct Prober {
    spec: ProbeSpec,
    target: Arc<Target>,
    thresholds: Thresholds,
    pause: Duration,
    due: Instant,
    /// The question that is being asked.
    asking: Option<Pin<Box<dyn Future<Output = ProbeAnswer> + Send>>>,
    last: Option<ProbeReport>,
}

impl Prober {
    pub(crate) fn new(spec: &ProbeSpec, target: &Arc<Target>, rhythm: Rhythm) -> Self {
        let spec = ProbeSpec { interval: spec.interval.min(LONGEST), ..spec.clone() };
        let pause = match rhythm {
            Rhythm::Starting => QUICK.min(spec.interval),
            Rhythm::Steady => spec.interval,
        };
        Self {
            thresholds: Thresholds::new(spec.successes, spec.failures),
            target: Arc::clone(target),
            due: Instant::now() + pause,
            pause,
            asking: None,
            last: None,
            spec,
        }
    }

    /// Whether there is anything to ask of an instance that has been ready: not of one that said so itself, or
    /// of which nothing is wanted but to run.
    pub(crate) fn lasts(spec: &ProbeSpec) -> bool {
        !matches!(spec.kind, ProbeKind::Notify | ProbeKind::Alive)
    }

    /// Waits for the next answer, and says what all of them amount to. Cancel safe: a question that was begun
    /// is still being asked when this is called again.
    pub(crate) async fn next(&mut self) -> Health {
        if self.asking.is_none() {
            tokio::time::sleep_until(self.due).await;
        }
        let target = &self.target;
        let spec = &self.spec;
        let answer = self.asking.get_or_insert_with(|| Box::pin(ask(spec.clone(), Arc::clone(target)))).await;
        self.asking = None;
        self.due = Instant::now() + self.pause;
        self.pause = (self.pause * 3 / 2).min(self.spec.interval);
        let passed = answer == ProbeAnswer::Passed;
        self.last = Some(self.report(answer));
        self.thresholds.note(passed)
    }

    /// What the last probe got, and where the instance listens if not where it should; none if none has ended.
    pub(crate) fn last(&self) -> Option<ProbeReport> {
        let mut report = match (&self.last, &self.target.notify) {
            (None, Some(notify)) if self.spec.kind == ProbeKind::Notify => self.report(notify.lack()),
            (last, _) => last.clone()?,
        };
        // Looked up here, not at every probe, as it is much dearer than the probe itself.
        if let ProbeAnswer::NotListening { instead } = &mut report.answer {
            *instead = self.target.elsewhere();
        }
        Some(report)
    }

    fn report(&self, answer: ProbeAnswer) -> ProbeReport {
        let asked = asked(&self.spec.kind, &self.target, matches!(answer, ProbeAnswer::NotListening { .. }));
        ProbeReport { at: clock::now(), asked, answer }
    }
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").field("spec", &self.spec).field("last", &self.last).finish_non_exhaustive()
    }
}
