//! What an authority is asked for, and what comes of it.

use super::Keychain;
use crate::tls::Certificate;
use gapless_model::WallTime;
use gapless_model::route::HostPattern;
use gapless_model::tls::AcmeSpec;
use gapless_routing::{CertificatePair, Certificates};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// What an authority is to be shown, to see that a host is ours.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By HTTP: what is said when it asks for the token.
    Http {
        /// Its name below `/.well-known/acme-challenge/`.
        token: String,
        /// What is said.
        answer: String,
    },
    /// Within a handshake for the host.
    Tls {
        /// The host.
        host: String,
        /// The certificate.
        pair: CertificatePair,
    },
}

/// A host that an authority is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The host.
    pub host: String,
    /// When the certificate that it has began to hold, and until when it does; none without one.
    pub holds: Option<(WallTime, WallTime)>,
}

impl Keychain {
    /// Changes each time that certificates are to be fetched as a file says; 0 while none has.
    pub fn asked(&self) -> watch::Receiver<u64> {
        self.asked.subscribe()
    }

    /// The authority, and what it is to be asked for, given the hosts that are spoken by TLS. Certificates for
    /// others are out of force from here on.
    pub fn wanted(&mut self, hosts: &BTreeSet<HostPattern>) -> Option<(AcmeSpec, Vec<Wanted>)> {
        let wanted = self.to_fetch(hosts);
        let before = self.fetched.len();
        self.fetched.retain(|host, _| wanted.contains(host));
        self.fetching.retain(|host, _| wanted.contains(host));
        if self.fetched.len() != before {
            self.tell();
        }
        let acme = self.spec.as_ref()?.acme.clone()?;
        let holds = |host: &String| self.fetched.get(host).map(|known| (known.from, known.until));
        let wanted = wanted.into_iter().map(|host| Wanted { holds: holds(&host), host });
        Some((acme, wanted.collect()))
    }

    /// Shows this from here on. Returns the number by which the proxy confirms it.
    pub fn show(&mut self, proof: Proof) -> u64 {
        match proof {
            Proof::Http { token, answer } => drop(self.challenges.http.insert(token, answer)),
            Proof::Tls { host, pair } => drop(self.challenges.tls.insert(host, pair)),
        }
        self.tell();
        self.newest().number
    }

    /// Shows nothing to authorities any more.
    pub fn hide(&mut self) {
        self.challenges = gapless_routing::Challenges::default();
        self.tell();
    }

    /// A certificate was fetched.
    pub fn fetched(&mut self, host: &str, certificate: Certificate) {
        tracing::info!("{host} has a certificate until {}", super::day(certificate.until));
        self.fetching.remove(host);
        self.fetched.insert(host.to_owned(), certificate);
        self.tell();
    }

    /// None could be fetched.
    pub fn not_fetched(&mut self, host: &str, why: &str) {
        let former = self.fetched.get(host).map(|known| super::day(known.until));
        let former = former.map(|day| format!("; the former one stays in force (until {day})"));
        let trouble = format!("{why}{}", former.unwrap_or_default());
        tracing::warn!("{trouble}");
        self.fetching.insert(host.to_owned(), trouble);
    }

    fn newest(&self) -> Arc<Certificates> {
        Arc::clone(&self.out.borrow())
    }
}
