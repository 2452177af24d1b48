//! One loop that puts everything in order: what happens arrives here, one thing after the other, goes into
//! the engine, and what the engine decides goes out. Nothing is awaited inside: whoever has to wait does so
//! elsewhere and reports.

use crate::book::{Book, Written};
use crate::clock;
use crate::engine::{App, Engine, Input, Usage, World};
use crate::link::{Hello, LinkEvent};
use crate::listeners::Listeners;
use crate::local::Local;
use crate::metrics::{self, SETTING};
use crate::platform::Journal;
use crate::tls::{Keychain, Prepared};
use gapless_api::request::{AdminSettings, ControlSettings, ProxySettings, Shortage};
use gapless_api::{ErrorBody, ErrorKind, RolloutTicket};
use gapless_model::instance::InstanceView;
use gapless_model::{AppName, InstanceId};
use gapless_routing::ToControl;
use gapless_store::Change;
use gapless_sys::process;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The journal's name for the `[proxy]` table.
pub(crate) const PROXY: &str = "proxy";

/// The journal's name for the `[admin]` table.
pub(crate) const ADMIN: &str = "admin";

/// The journal's name for the `[control]` table.
pub(crate) const CONTROL: &str = "control";

/// The journal's name for the `[tls]` table.
pub(crate) const TLS: &str = "tls";

/// Everything that the loop owns.
pub struct Core {
    /// Decides.
    pub engine: Engine,
    /// Does.
    pub local: Local,
    /// Remembers.
    pub book: Book,
    /// The public listening sockets.
    pub listeners: Listeners,
    /// CPU and memory by process id, as last sampled.
    pub usage: BTreeMap<u32, Usage>,
    /// Where apps were wanted to be reached when last decided; to begin with, by the control before us: the
    /// app may have gone with it.
    pub listening: BTreeSet<SocketAddr>,
    /// Listening sockets that no app wants any more, until the proxy accepts on them no more: one that is
    /// wanted again meanwhile could not be bound a second time.
    pub leaving: BTreeSet<SocketAddr>,
    /// What the proxies have counted.
    pub(crate) counted: metrics::Book,
    /// What went wrong with Gapless itself and stays so, for people.
    pub troubles: Vec<String>,
    /// Certificates.
    pub keychain: Keychain,
}

impl Core {
    /// The engine with the world that it acts in, for one command.
    pub fn act<T>(&mut self, command: impl FnOnce(&mut Engine, &mut World<'_>) -> T) -> T {
        let mut world = World { platform: &mut self.local, journal: &mut self.book, now: clock::now() };
        command(&mut self.engine, &mut world)
    }

    /// Closes listening sockets that no app wants. Not while somebody has bound one for an app that is yet to
    /// come.
    pub fn close_unwanted_listeners(&mut self) {
        let mut wanted = self.engine.listening();
        wanted.extend(&self.leaving);
        self.listeners.retain(&wanted);
    }

    /// Decides, then gives up the listening sockets of apps that have gone: a socket that nobody accepts on
    /// would let clients wait for ever.
    fn settle(&mut self) {
        self.act(Engine::settle);
        let listening = self.engine.listening();
        self.leaving.extend(self.listening.difference(&listening));
        self.leaving.retain(|address| !listening.contains(address));
        if self.engine.is_routed_as_decided() {
            std::mem::take(&mut self.leaving).into_iter().for_each(|gone| self.listeners.close(gone));
        }
        self.listening = listening;
    }

    /// Whether a proxy that runs has every listener.
    pub fn listeners_are_served(&self) -> bool {
        // One that has just died may not have been missed yet.
        let runs = |pid| process::stat(pid).is_some_and(|proxy| !proxy.zombie);
        self.listening.is_empty()
            || (self.engine.is_routed_as_decided() && self.engine.proxy().is_some_and(runs))
    }

    /// Remembers where the admin address is.
    pub fn set_admin(&mut self, settings: AdminSettings) {
        if let Ok(value) = serde_json::to_string(&settings) {
            self.book.commit(0, vec![Change::PutSetting { name: ADMIN.to_owned(), value }]);
        }
    }

    /// Remembers who may use the control socket.
    pub fn set_control(&mut self, settings: &ControlSettings) {
        if let Ok(value) = serde_json::to_string(settings) {
            self.book.commit(0, vec![Change::PutSetting { name: CONTROL.to_owned(), value }]);
        }
    }

    /// Says in a ticket what its rollout will miss.
    pub fn foresee(&self, app: &AppName, ticket: RolloutTicket) -> RolloutTicket {
        let processes = self.engine.doubled(app);
        let needed = processes.iter().filter_map(|pid| self.usage.get(pid)).map(|usage| usage.memory).sum();
        RolloutTicket { shortage: shortage(needed, gapless_sys::memory::available().ok()), ..ticket }
    }

    /// Remembers how a proxy is to be started.
    pub fn set_proxy(&mut self, settings: ProxySettings) {
        self.local.want_workers(settings.workers);
        if let Ok(value) = serde_json::to_string(&settings) {
            self.book.commit(0, vec![Change::PutSetting { name: PROXY.to_owned(), value }]);
        }
    }

    /// Speaks TLS as the file wants it from here on, and remembers that.
    pub fn set_tls(&mut self, wanted: Prepared) {
        if let Ok(value) = serde_json::to_string(&wanted.spec) {
            self.book.commit(0, vec![Change::PutSetting { name: TLS.to_owned(), value }]);
        }
        self.speak_tls(wanted);
    }

    /// Speaks TLS like this from here on.
    pub(crate) fn speak_tls(&mut self, wanted: Prepared) {
        self.engine.set_tls(&wanted.spec);
        self.keychain.adopt(wanted, clock::now().wall);
    }

    /// Remembers what instances use, and what follows from it.
    pub(crate) fn take_usage(&mut self, usage: BTreeMap<u32, Usage>) {
        let grown = self.engine.apps().any(App::has_bounded_memory);
        if grown {
            self.input(Input::Memory(usage.iter().map(|(pid, usage)| (*pid, usage.memory)).collect()));
        }
        self.usage = usage;
    }

    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Found(proxies) => {
                for Hello { pid, generation, since, retiring } in proxies {
                    self.input(Input::ProxyUp { pid, generation, since, retiring });
                }
                self.count_for_the_one_that_serves();
            }
            LinkEvent::Broken { proxy } => {
                self.input(Input::ProxyDown { pid: proxy });
                self.counted.end(proxy);
                if self.engine.proxy().is_none() {
                    self.keychain.lose_proxy();
                }
            }
            LinkEvent::Said { proxy, message } => self.hear_proxy(proxy, *message),
        }
    }

    fn hear_proxy(&mut self, proxy: u32, message: ToControl) {
        let input = match message {
            ToControl::Applied { generation, backlog } => Input::Applied { proxy, generation, backlog },
            ToControl::Backlog(backlog) => Input::Backlog { proxy, backlog },
            ToControl::Counters(counters) => {
                let Self { engine, counted, .. } = self;
                let runs = |id: &InstanceId| engine.app(id.app()).is_some_and(|app| app.has(id));
                counted.take(proxy, &counters, |name| engine.app(name).is_some(), runs);
                if engine.proxy() == Some(proxy) {
                    self.keychain.handshakes = counters.handshakes;
                }
                Input::Counters { proxy, counters }
            }
            ToControl::Refused { generation, message } => {
                tracing::error!("the proxy {proxy} refused snapshot {generation}: {message}");
                return;
            }
            // Sockets of a control before us, that nobody else had kept.
            ToControl::Listeners { addresses } => {
                self.listening.extend(addresses);
                return;
            }
            ToControl::Certified { number, troubles } => {
                if self.engine.proxy() == Some(proxy) {
                    self.keychain.confirm(number, troubles);
                }
                return;
            }
            // It says so once, when it is found.
            ToControl::Hello { .. } => return,
        };
        self.input(input);
        self.count_for_the_one_that_serves();
    }

    fn count_for_the_one_that_serves(&mut self) {
        if let Some(value) = self.engine.proxy().and_then(|proxy| self.counted.begin(proxy)) {
            self.book.commit(0, vec![Change::PutSetting { name: SETTING.to_owned(), value }]);
        }
    }

    fn input(&mut self, input: Input) {
        self.act(|engine, world| engine.handle(input, world));
    }
}

/// What is missing of so much memory; nothing is if it is not known how much there is.
fn shortage(needed: u64, available: Option<u64>) -> Option<Shortage> {
    available.filter(|available| needed > *available).map(|available| Shortage { needed, available })
}

/// Something to be done inside the loop.
type Errand = Box<dyn FnOnce(&mut Core) + Send>;

/// The way into the loop, for the API and for whoever has waited for something.
#[derive(Debug, Clone)]
pub struct Desk {
    errands: mpsc::Sender<Errand>,
    version: watch::Receiver<u64>,
}

/// Control is ending.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("Gapless is going down, and nothing was changed")]
pub struct Closing;

impl From<Closing> for ErrorBody {
    fn from(closing: Closing) -> Self {
        Self { kind: ErrorKind::Closing, message: closing.to_string(), hint: None, about: None }
    }
}

impl Desk {
    /// Runs `what` inside the loop and returns its answer.
    ///
    /// # Errors
    /// The loop has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, Closing> {
        let (answer, heard) = oneshot::channel();
        let errand: Errand = Box::new(move |core| drop(answer.send(what(core))));
        self.errands.send(errand).await.map_err(|_| Closing)?;
        heard.await.map_err(|_| Closing)
    }

    /// Resolves when something has changed since the last call.
    ///
    /// # Errors
    /// The loop has ended.
    pub async fn changed(&mut self) -> Result<(), Closing> {
        self.version.changed().await.map_err(|_| Closing)
    }
}

/// What comes into the loop.
pub struct Inlets {
    /// From the instances' supervisors.
    pub instances: mpsc::Receiver<InstanceView>,
    /// From the proxy.
    pub link: mpsc::Receiver<LinkEvent>,
    /// From the journal.
    pub written: mpsc::Receiver<Written>,
    /// From those who check new releases.
    pub verified: mpsc::Receiver<Input>,
    /// From the desk.
    pub errands: mpsc::Receiver<Errand>,
    /// To those who follow.
    pub version: watch::Sender<u64>,
}

/// The two ends of the desk.
pub fn desk() -> (Desk, mpsc::Receiver<Errand>, watch::Sender<u64>) {
    let (errands, inbox) = mpsc::channel(256);
    let (tell, version) = watch::channel(0);
    (Desk { errands, version }, inbox, tell)
}

/// Runs until `stop` resolves. How things stand then.
pub async fn run(mut core: Core, mut inlets: Inlets, mut stop: oneshot::Receiver<()>) -> Core {
    core.settle();
    loop {
        let wake = core.engine.wake().map(|at| at.since(clock::moment()));
        tokio::select! {
            biased;
            _ = &mut stop => return core,
            Some(written) = inlets.written.recv() => core.input(committed(written)),
            Some(event) = inlets.link.recv() => core.hear(event),
            Some(view) = inlets.instances.recv() => core.input(Input::Instance(Box::new(view))),
            Some(input) = inlets.verified.recv() => core.input(input),
            Some(errand) = inlets.errands.recv() => errand(&mut core),
            () = sleep_for(wake) => core.input(Input::Tick),
        }
        // Whatever else is there already is taken in before anything is decided: a hundred instances that
        // become ready together make one snapshot.
        while let Ok(written) = inlets.written.try_recv() {
            core.input(committed(written));
        }
        while let Ok(event) = inlets.link.try_recv() {
            core.hear(event);
        }
        while let Ok(view) = inlets.instances.try_recv() {
            core.input(Input::Instance(Box::new(view)));
        }
        core.settle();
        // Somebody who only looked has changed nothing, and wakes nobody.
        inlets.version.send_if_modified(|told| {
            let version = core.engine.version();
            std::mem::replace(told, version) != version
        });
    }
}

fn committed(written: Written) -> Input {
    Input::Committed { token: written.token, error: written.error }
}

async fn sleep_for(time: Option<Duration>) {
    match time {
        // A millisecond more than the moment: clocks round down.
        Some(time) => tokio::time::sleep(time + Duration::from_millis(1)).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_missed_only_where_it_is_known_to_be_too_little() {
        assert_eq!(shortage(100, Some(99)), Some(Shortage { needed: 100, available: 99 }));
        assert_eq!(shortage(100, Some(100)), None);
        assert_eq!(shortage(100, None), None);
    }
}
