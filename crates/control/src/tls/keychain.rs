//! All certificates: what is in force, what is wrong, and what the proxy is told.

use super::acme::Vault;
use super::certificate::{BadCertificate, Certificate, Stamp, day};
use super::coverage;
use camino::Utf8Path;
use gapless_api::status::{CertificateStatus, TlsStatus};
use gapless_model::WallTime;
use gapless_model::route::HostPattern;
use gapless_model::tls::{CertificateFiles, TlsSpec};
use gapless_routing::{CertificatePair, Certificates, Challenges, Handshakes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A certificate that holds for less than this is worth a word.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What was read of files.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which.
    pub files: CertificateFiles,
    /// How they looked before they were read.
    pub stamp: Option<Stamp>,
    /// What they hold.
    pub held: Result<Certificate, BadCertificate>,
}

impl Reading {
    /// Reads. Blocks.
    pub fn of(files: CertificateFiles) -> Self {
        // Looked at first: what changes in between is read again.
        let stamp = Stamp::of(&files);
        let held = Certificate::read(&files);
        Self { files, stamp, held }
    }
}

/// A `[tls]` table whose files were read.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The table.
    pub spec: TlsSpec,
    /// Its files, in its order.
    pub readings: Vec<Reading>,
    /// What was fetched earlier from its authority, by host.
    pub stored: BTreeMap<String, Certificate>,
}

impl Prepared {
    /// Reads all files of a table, and what was fetched before below the home of Gapless. Blocks.
    pub fn read(spec: TlsSpec, home: &Utf8Path) -> Self {
        let readings = spec.certificates.iter().cloned().map(Reading::of).collect();
        let stored = spec.acme.as_ref().map(|acme| Vault::of(home, &acme.directory).certificates());
        Self { spec, readings, stored: stored.unwrap_or_default() }
    }
}

/// What is held of a pair of files.
#[derive(Debug)]
struct Held {
    stamp: Option<Stamp>,
    /// The newest that was right; none if it never was, as far as this control knows.
    certificate: Option<Certificate>,
    /// What is wrong with them now.
    trouble: Option<BadCertificate>,
}

/// All certificates.
#[derive(Debug)]
pub struct Keychain {
    spec: Option<TlsSpec>,
    files: BTreeMap<CertificateFiles, Held>,
    /// Those of an authority, by host.
    fetched: BTreeMap<String, Certificate>,
    challenges: Challenges,
    /// What is wrong with fetching, by host.
    fetching: BTreeMap<String, String>,
    out: watch::Sender<Arc<Certificates>>,
    watched: watch::Sender<Vec<(CertificateFiles, Option<Stamp>)>>,
    certified: watch::Sender<u64>,
    /// How often it was said that certificates are to be fetched.
    asked: watch::Sender<u64>,
    refused: Vec<String>,
    /// As the proxy counts them.
    pub handshakes: Handshakes,
}

impl Default for Keychain {
    fn default() -> Self {
        Self {
            spec: None,
            files: BTreeMap::new(),
            fetched: BTreeMap::new(),
            challenges: Challenges::default(),
            fetching: BTreeMap::new(),
            out: watch::channel(Arc::default()).0,
            watched: watch::channel(Vec::new()).0,
            certified: watch::channel(0).0,
            asked: watch::channel(0).0,
            refused: Vec::new(),
            handshakes: Handshakes::default(),
        }
    }
}

impl Keychain {
    /// What the proxy is to be told; nothing while its number is 0.
    pub fn certificates(&self) -> watch::Receiver<Arc<Certificates>> {
        self.out.subscribe()
    }

    /// The files that are worth a look, and how they looked last.
    pub fn watched(&self) -> watch::Receiver<Vec<(CertificateFiles, Option<Stamp>)>> {
        self.watched.subscribe()
    }

    /// The number of the newest certificates that the proxy has in force.
    pub fn certified(&self) -> watch::Receiver<u64> {
        self.certified.subscribe()
    }

    /// How TLS is spoken, if a file has said so.
    pub const fn spec(&self) -> Option<&TlsSpec> {
        self.spec.as_ref()
    }

    /// Refuses what cannot be spoken by. What is in force already may be over: then nothing is lost by going on.
    ///
    /// # Errors
    /// The first certificate that cannot be used.
    pub fn check(&self, wanted: &Prepared, now: WallTime) -> Result<(), BadCertificate> {
        for reading in &wanted.readings {
            let certificate = reading.held.as_ref().map_err(Clone::clone)?;
            let known = self.files.get(&reading.files).and_then(|held| held.certificate.as_ref());
            if known != Some(certificate) {
                certificate.holds(now)?;
            }
        }
        Ok(())
    }

    /// From here on TLS is spoken like this. Files that cannot be used are said in the troubles; if the proxy has
    /// what was in them before, it keeps that.
    pub fn adopt(&mut self, wanted: Prepared, now: WallTime) {
        let Prepared { spec, readings, stored } = wanted;
        self.files.retain(|files, _| spec.certificates.contains(files));
        self.fetched = stored;
        self.fetching.clear();
        if spec.acme.is_some() {
            self.asked.send_modify(|times| *times += 1);
        }
        self.spec = Some(spec);
        for reading in readings {
            self.take(reading, now);
        }
        self.tell();
    }

    /// Files were read again.
    pub fn reread(&mut self, readings: Vec<Reading>, now: WallTime) {
        for reading in readings {
            if self.files.contains_key(&reading.files) {
                self.take(reading, now);
            }
        }
        self.tell();
    }

    fn take(&mut self, reading: Reading, now: WallTime) {
        let Reading { files, stamp, held } = reading;
        let known = self.files.entry(files).or_insert(Held { stamp, certificate: None, trouble: None });
        known.stamp = stamp;
        known.trouble = match held {
            // One that is over is better than none, and no better than one that is not.
            Ok(certificate) if certificate.holds(now).is_ok() || known.certificate.is_none() => {
                if known.certificate.as_ref().is_some_and(|former| *former != certificate) {
                    tracing::info!("{} has changed; it is in force", certificate.pair.name);
                }
                known.certificate = Some(certificate);
                None
            }
            Ok(certificate) => certificate.holds(now).err(),
            Err(trouble) => Some(trouble),
        };
        if let Some(trouble) = &known.trouble {
            tracing::warn!("{trouble}");
        }
    }

    /// The certificates in force, in the order in which they are looked for.
    fn in_force(&self) -> Vec<&Certificate> {
        let files = self.spec.iter().flat_map(|spec| &spec.certificates);
        let files = files.filter_map(|files| self.files.get(files)?.certificate.as_ref());
        files.chain(self.fetched.values()).collect()
    }

    /// Tells the proxy, and whoever watches files, if there is anything new.
    fn tell(&self) {
        let Some(spec) = &self.spec else { return };
        let pairs: Vec<CertificatePair> = self.in_force().into_iter().map(|c| c.pair.clone()).collect();
        let unread = self.files.iter().filter(|(_, held)| held.certificate.is_none());
        let kept = unread.map(|(files, _)| files.certificate.to_string()).collect();
        let (limits, challenges) = (spec.limits.clone(), self.challenges.clone());
        self.out.send_if_modified(|known| {
            let new = Certificates { number: known.number, pairs, kept, limits, challenges };
            if known.number > 0 && **known == new {
                return false;
            }
            *known = Arc::new(Certificates { number: known.number + 1, ..new });
            true
        });
        let watched = self.files.iter().map(|(files, held)| (files.clone(), held.stamp)).collect();
        self.watched.send_replace(watched);
    }

    /// The proxy has these in force.
    pub fn confirm(&mut self, number: u64, troubles: Vec<String>) {
        for trouble in &troubles {
            tracing::error!("{trouble}");
        }
        self.refused = troubles;
        self.certified.send_replace(number);
    }

    /// The proxy has gone; another one has nothing in force.
    pub fn lose_proxy(&mut self) {
        self.handshakes = Handshakes::default();
        self.certified.send_replace(0);
    }

    /// A sentence for each of these hosts that has no certificate and gets none.
    pub fn warnings(&self, hosts: &BTreeSet<HostPattern>) -> Vec<String> {
        coverage::warnings(hosts.iter(), &self.in_force(), &self.to_fetch(hosts))
    }

    /// The hosts that an authority is asked for, given those that are spoken by TLS: as the file says, else those
    /// that no file has a certificate for.
    pub fn to_fetch(&self, hosts: &BTreeSet<HostPattern>) -> BTreeSet<String> {
        let Some(acme) = self.spec.as_ref().and_then(|spec| spec.acme.as_ref()) else {
            return BTreeSet::new();
        };
        if let Some(wanted) = &acme.hosts {
            return wanted.iter().cloned().collect();
        }
        let files: Vec<_> = self.files.values().filter_map(|held| held.certificate.as_ref()).collect();
        let exact = hosts.iter().filter(|host| matches!(host, HostPattern::Exact(_)));
        let without = exact.filter(|host| !files.iter().any(|known| coverage::covers(known, host)));
        without.map(ToString::to_string).collect()
    }

    /// What is wrong, for `status`.
    pub fn troubles(&self, now: WallTime) -> Vec<String> {
        let mut troubles = self.refused.clone();
        for held in self.files.values() {
            if let Some(trouble) = &held.trouble {
                let former = if held.certificate.is_some() { "; the former one stays in force" } else { "" };
                troubles.push(format!("{trouble}{former}"));
            }
        }
        for certificate in self.in_force() {
            let name = &certificate.pair.name;
            if certificate.holds(now).is_err() {
                troubles.push(format!("the certificate in {name} expired on {}", day(certificate.until)));
            } else if certificate.remaining(now) < SOON && !self.fetched.values().any(|c| c == certificate) {
                troubles.push(format!("the certificate in {name} expires on {}", day(certificate.until)));
            }
        }
        troubles.extend(self.fetching.values().cloned());
        troubles
    }

    /// How TLS stands, for `status`.
    pub fn status(&self) -> Option<TlsStatus> {
        self.spec.as_ref()?;
        let certificates = self.in_force().into_iter().map(|certificate| CertificateStatus {
            source: certificate.pair.name.clone(),
            hosts: certificate.pair.hosts.clone(),
            expires: certificate.until,
        });
        let Handshakes { complete, resumed, failed } = self.handshakes;
        Some(TlsStatus { certificates: certificates.collect(), handshakes: complete, resumed, failed })
    }
}

mod fetching;

pub use fetching::{Proof, Wanted};

#[cfg(test)]
mod tests;
