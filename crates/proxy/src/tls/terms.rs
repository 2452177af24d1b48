//! What handshakes go by, the same for all workers.

use super::keyring::Keyring;
use super::settings;
use arc_swap::ArcSwapOption;
use gapless_routing::{CertificatePair, Certificates, Handshakes};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ProducesTickets;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What handshakes go by from now on, and what became of those before.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    config: ArcSwapOption<ServerConfig>,
    /// What an authority is told by HTTP.
    answers: ArcSwapOption<BTreeMap<String, String>>,
    complete: AtomicU64,
    resumed: AtomicU64,
    failed: AtomicU64,
}

/// Makes other terms. There is one, with the main thread.
#[derive(Debug, Default)]
pub(crate) struct Author {
    /// Clients that have a ticket go on with it, whichever worker they meet and whatever certificates there
    /// are by then. Made when first needed.
    tickets: Option<Arc<dyn ProducesTickets>>,
    /// What is in force.
    pairs: Vec<CertificatePair>,
}

impl Author {
    /// Puts these in force. What cannot be used is left out, and said. If nothing can be used at all the former
    /// terms stay.
    pub(crate) fn change(&mut self, terms: &Terms, mut certificates: Certificates) -> Vec<String> {
        let former = std::mem::take(&mut self.pairs).into_iter();
        certificates.pairs.extend(former.filter(|pair| certificates.kept.contains(&pair.name)));
        let (keyring, bad) = Keyring::of(&certificates, &ring::default_provider());
        let mut troubles: Vec<String> = bad.iter().map(ToString::to_string).collect();
        let made = self.tickets().and_then(|tickets| settings::build(keyring, &certificates.limits, tickets));
        match made {
            Ok(config) => terms.config.store(Some(Arc::new(config))),
            Err(error) => troubles.push(format!("TLS as it is wanted cannot be spoken: {error}")),
        }
        let answers = &certificates.challenges.http;
        terms.answers.store((!answers.is_empty()).then(|| Arc::new(answers.clone())));
        self.pairs = certificates.pairs;
        troubles
    }

    fn tickets(&mut self) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
        if let Some(tickets) = &self.tickets {
            return Ok(Arc::clone(tickets));
        }
        let tickets = ring::Ticketer::new()?;
        self.tickets = Some(Arc::clone(&tickets));
        Ok(tickets)
    }
}

impl Terms {
    /// What the next handshake goes by; none before control has said anything.
    pub(super) fn config(&self) -> Option<Arc<ServerConfig>> {
        self.config.load_full()
    }

    /// What is said to an authority that asks for this by HTTP.
    pub(crate) fn answer(&self, token: &str) -> Option<String> {
        self.answers.load().as_ref()?.get(token).cloned()
    }

    /// A handshake was completed.
    pub(super) fn count_complete(&self, resumed: bool) {
        self.complete.fetch_add(1, Ordering::Relaxed);
        self.resumed.fetch_add(u64::from(resumed), Ordering::Relaxed);
    }

    /// A handshake came to nothing.
    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// What became of handshakes so far.
    pub(crate) fn handshakes(&self) -> Handshakes {
        Handshakes {
            complete: self.complete.load(Ordering::Relaxed),
            resumed: self.resumed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
