//! Goes round: which hosts have no certificate, or one that is over soon.

use super::failure::Failure;
use super::order::Errand;
use super::{Vault, schedule};
use crate::clock;
use crate::core::{Core, Desk};
use crate::tls::keychain::Wanted;
use camino::Utf8PathBuf;
use gapless_model::WallTime;
use gapless_model::tls::{AcmeChallenge, AcmeSpec};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How often it is looked whether there is anything to do.
const LOOK: Duration = Duration::from_secs(2);

/// How long all of one certificate may take; other hosts wait for it.
const WHOLE: Duration = Duration::from_secs(4 * 60);

/// What is known of a host beside its certificate.
#[derive(Debug, Clone, Copy)]
struct Record {
    /// In a row.
    failures: u32,
    /// Not before.
    next: Instant,
    /// What makes it different from others, 0 to 1.
    chance: f64,
}

impl Record {
    fn new() -> Self {
        Self { failures: 0, next: Instant::now(), chance: fastrand::f64() }
    }

    fn is_due(&self, wanted: &Wanted, now: WallTime) -> bool {
        self.next <= Instant::now()
            && wanted.holds.is_none_or(|holds| schedule::renew_at(holds, self.chance) <= now)
    }

    fn challenge(&self, acme: &AcmeSpec, first: AcmeChallenge) -> AcmeChallenge {
        let turns = if self.failures.is_multiple_of(2) { first } else { first.other() };
        acme.challenge.unwrap_or(turns)
    }
}

/// Fetches, and fetches again, until control ends. Sleeps while nobody has asked for it.
pub async fn keep(mut asked: watch::Receiver<u64>, home: Utf8PathBuf, desk: Desk) {
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    while asked.wait_for(|times| *times > 0).await.is_ok() {
        let wanted = |core: &mut Core| {
            let hosts = core.engine.tls_hosts();
            let by_tls = core.engine.listening().iter().any(|address| address.port() == 443);
            core.keychain.wanted(&hosts).map(|wanted| (wanted, by_tls))
        };
        let Ok(wanted) = desk.ask(wanted).await else { return };
        if let Some(((acme, hosts), by_tls)) = wanted {
            let first = if by_tls { AcmeChallenge::TlsAlpn } else { AcmeChallenge::Http };
            let vault = Vault::of(&home, &acme.directory);
            for wanted in hosts {
                let record = records.entry(wanted.host.clone()).or_insert_with(Record::new);
                if record.is_due(&wanted, clock::now().wall) {
                    let challenge = record.challenge(&acme, first);
                    let errand =
                        Errand { host: &wanted.host, challenge, acme: &acme, vault: &vault, desk: &desk };
                    fetch(&errand, record).await;
                }
            }
        }
        tokio::select! {
            biased;
            // A file was applied: whatever was in the way may have been put right.
            Ok(()) = asked.changed() => records.clear(),
            () = sleep(LOOK) => {}
        }
    }
}

async fn fetch(errand: &Errand<'_>, record: &mut Record) {
    let host = errand.host.to_owned();
    tracing::info!("a certificate for {host} is ordered from {}", errand.acme.directory);
    let ended = timeout(WHOLE, Box::pin(errand.run())).await.unwrap_or_else(|_| {
        let (authority, seconds) = (errand.acme.directory.clone(), WHOLE.as_secs());
        Err(Failure::TooLong { host: host.clone(), authority, seconds })
    });
    match ended {
        Ok(certificate) => {
            *record = Record::new();
            let _ = errand.desk.ask(move |core| core.keychain.fetched(&host, certificate)).await;
        }
        Err(failure) => {
            record.failures += 1;
            let wait = schedule::wait(record.failures, record.chance);
            record.next = Instant::now() + wait;
            let minutes = wait.as_secs().div_ceil(60);
            let said = format!("{failure}. It is tried again within {minutes} min, or by `gapless up`");
            let _ = errand.desk.ask(move |core| core.keychain.not_fetched(&host, &said)).await;
        }
    }
}
