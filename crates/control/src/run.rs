//! Control, put together.

use crate::access::{Access, Audit, Rights};
use crate::admin::Admin;
use crate::book::Book;
use crate::core::{ADMIN, CONTROL, Core, Desk, Inlets, PROXY, TLS, desk, run};
use crate::disk::Disk;
use crate::ending::{Ending, end};
use crate::engine::{Engine, Found, Recovery};
use crate::link::{Orders, Surroundings};
use crate::listeners::Listeners;
use crate::local::{Local, Parts};
use crate::tls::{self, Keychain, Prepared};
use crate::upgrade::in_place::Inherited;
use crate::verify::Verifier;
use crate::{boot, link, metrics, recall, sample, server, service, upgrade};
use camino::Utf8Path;
use gapless_api::request::{AdminSettings, ControlSettings, ProxySettings};
use gapless_logs::Capture;
use gapless_release::Releases;
use gapless_store::{Journal, Recovered};
use gapless_supervise::{Cgroups, Safekeeping, Supervisor, running};
use gapless_sys::identity::Identity;
use gapless_sys::{fdstore, process, program};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// The part of a Node app's process that is ours.
const PRELOAD: &str = include_str!("../../../node/preload.cjs");

/// How long the last writes may take when control ends.
const LAST_WRITES: Duration = Duration::from_secs(3);

/// What control ends with when another version is to take its place (`EX_TEMPFAIL` of `sysexits.h`).
const ANOTHER_VERSION: u8 = 75;

/// How control leaves.
#[derive(Debug)]
enum Left {
    /// It ends with this.
    Code(ExitCode),
    /// It becomes another program.
    To(upgrade::in_place::Estate),
}

/// Starts a keeper (program and arguments) for a home.
pub type Revive = fn(&Path, &[OsString]) -> std::io::Result<std::process::Child>;

/// Runs control for `home` until it is told to go down. To be called first thing in `main`: it takes over
/// inherited descriptors. `revive` starts another keeper if ours has died.
///
/// Exits with success only when it was wanted; its keeper starts it again otherwise.
pub fn control(home: &Utf8Path, revive: Revive) -> ExitCode {
    let inherited = Inherited::take();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_stack_size(256 * 1024)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start a runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(serve(home, inherited, revive));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match ended {
        Ok(Left::Code(code)) => code,
        Ok(Left::To(estate)) => {
            let error = estate.leave();
            tracing::error!("cannot become {}: {error}", estate.program.display());
            ExitCode::from(ANOTHER_VERSION)
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(home: &Utf8Path, inherited: Inherited, revive: Revive) -> Result<Left, Box<dyn Error>> {
    let began = Instant::now();
    // A keeper has made them; what else starts control may not have.
    DirBuilder::new().recursive(true).mode(0o700).create(home.join("logs"))?;
    let alone = service::take_place(home)?;
    let (journal, recovered) = Journal::open(&home.join("journal.db"))?;
    let journal = Arc::new(journal);
    let keeper = fdstore::Store::of_our_parent()?;
    let Inherited { descriptors, children } = inherited;
    let (notify, listening) = descriptors.into_iter().partition(|(name, _)| Safekeeping::is_ours(name));
    let listeners = Listeners::new(listening, keeper);
    let kept = Safekeeping::new(fdstore::Store::of_our_parent()?, notify, alone.is_some());

    let (views, instances) = mpsc::channel(1024);
    let (said, link_inlet) = mpsc::channel(1024);
    let (written, written_inlet) = mpsc::channel(1024);
    let (refused, refused_inlet) = mpsc::channel(64);
    let (orders, link_orders) = watch::channel(Orders::default());
    let (desk, errands, version) = desk();

    let releases = Releases::new(home.to_owned());
    if let Err(error) = releases.sweep() {
        // What a control before us left half made is in nobody's way.
        tracing::warn!("{error}");
    }
    let disk = Disk::start(home.to_owned(), releases)?;
    let (verified, verified_inlet) = mpsc::channel(64);
    let parts = Parts {
        supervisor: Supervisor::new(home, PRELOAD, views, kept, Cgroups::here(home, alone.is_some()))?,
        capture: Capture::start(&home.join("logs"))?,
        proxy: orders,
        disk: disk.clone(),
        verifier: Verifier::new(home.to_owned(), verified),
        listeners: listeners.clone(),
        refused,
    };
    let local = Local::new(home.to_owned(), parts);
    let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    let mut core = Core {
        engine: Engine::new(cores),
        local,
        book: Book::new(Arc::clone(&journal), written, disk.clone()),
        listeners: listeners.clone(),
        usage: BTreeMap::new(),
        listening: listeners.addresses(),
        leaving: BTreeSet::new(),
        counted: metrics::Book::recall(recovered.state.settings.get(metrics::SETTING).map(String::as_str)),
        troubles: Vec::new(),
        keychain: Keychain::default(),
    };
    let proxy = recovered.state.settings.get(PROXY).and_then(|text| serde_json::from_str(text).ok());
    let proxy: Option<ProxySettings> = proxy;
    let admin = recovered.state.settings.get(ADMIN).and_then(|text| serde_json::from_str(text).ok());
    if let Some(proxy) = &proxy {
        core.local.want_workers(proxy.workers);
        core.engine.set_access_log(proxy.access_log);
        core.engine.set_error_pages(proxy.error_pages.clone());
        core.engine.set_trust(proxy.trust.clone());
    }
    let control = recovered.state.settings.get(CONTROL).and_then(|text| serde_json::from_str(text).ok());
    let tls = recovered.state.settings.get(TLS).and_then(|text| serde_json::from_str(text).ok());
    if let Some(spec) = tls {
        core.speak_tls(Prepared::read(spec, home));
    }
    recover(&mut core, home, recovered)?;
    tokio::spawn(tls::watch(core.keychain.watched(), desk.clone()));
    tokio::spawn(tls::keep(core.keychain.asked(), home.to_owned(), desk.clone()));

    let (succeed, successors) = mpsc::channel(1);
    let certificates = core.keychain.certificates();
    let surroundings =
        Surroundings { listeners, orders: link_orders, certificates, events: said, successors };
    let link = tokio::spawn(link::keep(home.to_owned(), surroundings));
    tokio::spawn(sample::keep(desk.clone()));
    tokio::spawn(report_refused(refused_inlet, desk.clone()));
    tokio::spawn(upgrade::keep_ours(desk.clone(), succeed));
    let (ends, ended) = mpsc::channel(1);
    let (rights, trouble) = open_again(control, home);
    core.troubles.extend(trouble);
    let api = server::Api {
        desk: desk.clone(),
        journal: Arc::clone(&journal),
        disk: disk.clone(),
        home: home.to_owned(),
        began,
        looks: server::Looks { desk: desk.clone(), since: crate::clock::now().wall },
        admin: Admin::new(home.to_owned()),
        ends,
        access: Access::new(rights.clone()),
        audit: Audit::new(Arc::clone(&journal)),
        halting: Arc::default(),
        applying: Arc::default(),
    };
    if let Some(trouble) = reopen(admin, &api) {
        tracing::error!("{trouble}");
        core.troubles.push(trouble);
    }
    let socket = server::bind(home, &rights)?;
    let serving = tokio::spawn(server::serve(socket, api));
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(service::report(desk.clone()));
    tokio::spawn(upgrade::in_place::reap(children));
    let ending = tokio::spawn(end(ended, desk, stop, link));

    let inlets = Inlets {
        instances,
        link: link_inlet,
        written: written_inlet,
        verified: verified_inlet,
        errands,
        version,
    };
    let core = run(core, inlets, stopped).await;
    let ending = ending.await??;
    // What was decided last is on disk before we are gone, and what instances said in their logs once.
    let heard = core.local.stop_listening();
    let last = async { tokio::join!(disk.flush(), journal.commit(Vec::new()), heard) };
    drop(tokio::time::timeout(LAST_WRITES, last).await);
    // Until now, so that whoever asks hears that nothing comes of it, and asks the next one.
    serving.abort();
    match ending {
        Ending::Down => {
            // Whoever looks should find nobody, not a socket that nobody answers.
            drop(std::fs::remove_file(home.join(gapless_api::SOCKET)));
            Ok(Left::Code(ExitCode::SUCCESS))
        }
        Ending::Asked => Ok(Left::Code(ExitCode::SUCCESS)),
        Ending::Upgraded(program) if alone.is_some() => {
            let children = core.engine.proxy().into_iter().chain(core.engine.retiring_proxies()).collect();
            Ok(Left::To(core.local.leave_to(program, children)))
        }
        // Not a success: that would be the end of the keeper as well.
        Ending::Upgraded(_) => Ok(Left::Code(ExitCode::from(ANOTHER_VERSION))),
        Ending::KeeperGone => {
            let named = std::env::current_exe()?;
            let keeper = program::again(named.as_os_str()).to_owned();
            let words = ["internal", "keeper", "--home", home.as_str()].map(OsString::from);
            drop(journal);
            revive(home.as_std_path(), &[vec![keeper], words.to_vec()].concat())?;
            Err("the keeper was gone; another one takes over".into())
        }
    }
}

/// Lets those in whom a control before this one did. What is wrong if that cannot be; then nobody is but our own user.
fn open_again(control: Option<ControlSettings>, home: &Utf8Path) -> (Rights, Option<String>) {
    let rights = control.map_or_else(|| Ok(Rights::ours_only()), |settings| Rights::of(&settings));
    let opened = rights.and_then(|rights| rights.open_home(home).map(|()| rights));
    opened.map(|rights| (rights, None)).unwrap_or_else(|error| {
        tracing::error!("{}", error.message);
        (Rights::ours_only(), Some(format!("nobody else may use the control socket: {}", error.message)))
    })
}

/// Serves the admin address that a control before this one did. What is wrong if that cannot be.
fn reopen(admin: Option<AdminSettings>, api: &server::Api) -> Option<String> {
    let prepared = api.admin.prepare(&admin?).and_then(|prepared| prepared.keep_token().map(|()| prepared));
    match prepared {
        Ok(prepared) => {
            api.admin.move_to(prepared, api.looks.clone());
            None
        }
        Err(error) => Some(format!("the admin address is not served: {}", error.message)),
    }
}

/// An instance that cannot even be tried is said to the engine as one that failed.
async fn report_refused(mut refused: mpsc::Receiver<(crate::platform::StartOrder, String)>, desk: Desk) {
    while let Some((order, message)) = refused.recv().await {
        let told = desk.ask(move |core| core.act(|engine, world| engine.refused(&order, message, world)));
        if told.await.is_err() {
            return;
        }
    }
}

fn recover(core: &mut Core, home: &Utf8Path, recovered: Recovered) -> Result<(), Box<dyn Error>> {
    let Recovered { mut state, set_aside } = recovered;
    let rebooted = boot::changed(&state);
    if let Some(aside) = set_aside {
        let message = format!(
            "the journal could not be read ({}) and was kept as {}; what runs was adopted from what is \
             observed, with the settings that each release was made with",
            aside.reason, aside.path
        );
        tracing::error!("{message}");
        core.troubles.push(message);
        state = recall::recall(home, &Releases::new(home.to_owned()));
    }
    gapless_supervise::end_left_over(home)?;
    let journalled = |found: &gapless_supervise::Found| {
        state.instances.get(&found.instance).is_some_and(|known| known.process == Some(found.process))
            || state.releases.get(&(found.instance.app().clone(), found.release)).is_some_and(|release| {
                let process = &release.spec.process;
                let who = || Identity::named(process.user.as_deref(), process.group.as_deref());
                process.is_another()
                    && who().is_ok_and(|who| process::user(found.process.pid) == Some(who.uid))
            })
    };
    let found = running(home, journalled)?
        .into_iter()
        .map(|f| Found { instance: f.instance, release: f.release, process: f.process })
        .collect();
    let adopted = core.act(|engine, world| {
        let adopted = engine.recover(Recovery { state, found, rebooted }, world);
        // When all of the boot before is written off, and before anything of this one is written.
        world.journal.commit(0, vec![boot::note()]);
        adopted
    });
    core.local.adopted_all();
    tracing::info!("control {} for {home}: adopted {adopted} instances", env!("CARGO_PKG_VERSION"));
    Ok(())
}
