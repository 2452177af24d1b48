//! Whom a probe is about: one process group, and where it listens.

use crate::address::{Connection, Unreachable, connect};
use crate::offer::Offer;
use crate::probe::notify::Notify;
use gapless_model::process::ProcessSpec;
use gapless_model::{Address, CommandLine, InstanceId};
use gapless_sys::listening::{self, Listening};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One process of an instance, as its probes need to know it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) instance: InstanceId,
    /// Its process group.
    pub(crate) group: u32,
    /// What it was offered to listen on.
    pub(crate) offer: Offer,
    /// Where it does listen, once that is known. It does not change in the life of a process.
    found: OnceLock<Address>,
    /// What its probes by command are run with; none if it has no such probe, as it is the largest part.
    pub(crate) surroundings: Option<Surroundings>,
    /// What it says of itself; none if it is not asked to.
    pub(crate) notify: Option<Notify>,
}

/// Where a command about an instance runs.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) cwd: camino::Utf8PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) process: ProcessSpec,
}

impl Target {
    pub(crate) fn new(
        instance: InstanceId,
        group: u32,
        offer: Offer,
        found: Option<Address>,
        surroundings: Option<Surroundings>,
        notify: Option<Notify>,
    ) -> Self {
        let found = found.map_or_else(OnceLock::new, OnceLock::from);
        Self { instance, group, offer, found, surroundings, notify }
    }

    /// Where it listens, as far as is known.
    pub(crate) fn found(&self) -> Option<&Address> {
        self.found.get()
    }

    /// Connects to where it listens. As long as that is not known, to whatever it was offered and has opened;
    /// then it is.
    pub(crate) async fn connect(&self) -> Result<Connection, Unreachable> {
        if let Some(address) = self.found() {
            return connect(address).await;
        }
        let mut why = Unreachable::NotListening;
        for candidate in self.offer.candidates() {
            match connect(&candidate).await {
                Ok(connection) if self.answers_at(&candidate) => {
                    let _ = self.found.set(candidate);
                    return Ok(connection);
                }
                Ok(_) | Err(Unreachable::NotListening) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Whether it is to listen anywhere.
    pub(crate) fn serves(&self) -> bool {
        self.offer.serves()
    }

    /// Finds out where it listens, if that is not known. False if it does not yet.
    pub(crate) async fn find(&self) -> bool {
        self.found().is_some() || self.connect().await.is_ok()
    }

    /// Whether it is this instance that listens at `candidate`, not another that was told the same port. Its
    /// own socket, and a port that is its alone, need no proof.
    fn answers_at(&self, candidate: &Address) -> bool {
        match candidate {
            Address::Unix(_) => true,
            Address::Tcp(_) if self.offer.port_is_private() => true,
            Address::Tcp(at) => listening::by_group(self.group).is_ok_and(|open| {
                open.iter().any(|one| matches!(one, Listening::Tcp(other) if other.port() == at.port()))
            }),
        }
    }

    /// Where it listens instead of where it should, for people.
    pub(crate) fn elsewhere(&self) -> Vec<String> {
        let expected = self.offer.candidates();
        let open = listening::by_group(self.group).unwrap_or_default();
        open.into_iter()
            .filter_map(|one| match one {
                Listening::Tcp(at) => Some(Address::Tcp(at)),
                Listening::Unix(path) => Some(Address::Unix(path.try_into().ok()?)),
            })
            .filter(|address| !expected.contains(address))
            .map(|address| address.to_string())
            .collect()
    }

    /// Where it should listen, for people.
    pub(crate) fn place(&self) -> String {
        self.found().map_or_else(|| self.offer.asked_for(), Address::to_string)
    }

    /// A command about it, its placeholders filled.
    pub(crate) fn fill(&self, command: &CommandLine) -> CommandLine {
        let values = crate::placeholder::Values {
            socket: &self.offer.socket,
            port: self.offer.port,
            instance: &self.instance,
        };
        crate::placeholder::fill(command, values)
    }
}
