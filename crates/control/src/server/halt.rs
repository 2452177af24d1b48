//! Everything ends, and what is wanted stays wanted.
//!
//! First the clients: nobody can connect any more, the proxies accept who has, answer what has begun, and end. Then
//! the instances, as each of them is stopped at any other time. What is not over at the deadline is killed.

use super::answer::Answer;
use super::{Api, End};
use axum::Json;
use axum::extract::State;
use gapless_api::request::{HaltAnswer, HaltRequest};
use gapless_model::instance::ProcessId;
use gapless_sys::process;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// How much of the time is left for the instances, at most: clients get the rest.
const FOR_INSTANCES: Duration = Duration::from_secs(10);

/// How long processes that were killed may take to be gone.
const KILLED: Duration = Duration::from_secs(2);

/// How often it is looked whether a proxy has ended.
const LOOK: Duration = Duration::from_millis(10);

/// How long the answers to those who asked may be on their way.
const FAREWELL: Duration = Duration::from_millis(100);

/// How far it has come.
#[derive(Debug)]
pub(crate) struct Halting {
    /// When everything has to be over; none while nobody wants that.
    deadline: watch::Sender<Option<Instant>>,
    /// How it ended.
    over: watch::Sender<Option<HaltAnswer>>,
}

impl Default for Halting {
    fn default() -> Self {
        Self { deadline: watch::Sender::new(None), over: watch::Sender::new(None) }
    }
}

/// Answers when everything has ended. Who asks again can only make it sooner.
pub(super) async fn halt(State(api): State<Api>, Json(request): Json<HaltRequest>) -> Answer<HaltAnswer> {
    let wanted = Instant::now() + Duration::from_millis(request.within_ms);
    let mut begins = false;
    api.halting.deadline.send_modify(|deadline| {
        begins = deadline.is_none();
        *deadline = Some(deadline.map_or(wanted, |before| before.min(wanted)));
    });
    let mut over = api.halting.over.subscribe();
    if begins {
        // Whoever asked may go before it is over.
        tokio::spawn(async move {
            let answer = end_everything(&api).await;
            tracing::info!("halted: {answer:?}");
            api.halting.over.send_replace(Some(answer));
            sleep(FAREWELL).await;
            // Control may have been told to end by somebody else as well.
            let _ = api.ends.send(End::Down).await;
        });
    }
    let answer = over.wait_for(Option::is_some).await.map_err(|_| crate::core::Closing)?.unwrap_or_default();
    Ok(Json(answer))
}

async fn end_everything(api: &Api) -> HaltAnswer {
    let began = Instant::now();
    let deadline = api.halting.deadline.subscribe();
    let until = deadline.borrow().unwrap_or(began);
    let share = until.saturating_duration_since(began);
    let for_clients = share.saturating_sub(FOR_INSTANCES.min(share / 4));
    let proxies = api.desk.ask(move |core| {
        core.engine.freeze();
        core.listeners.shut();
        core.local.shut_proxy_down(for_clients);
        core.engine.proxy().into_iter().chain(core.engine.retiring_proxies()).collect::<Vec<u32>>()
    });
    let proxies = proxies.await.unwrap_or_default();
    let clients_cut = !clients_leave(&proxies, began + for_clients, deadline.clone()).await;
    // Instances that nobody asks anything any more.
    let _ = api.desk.ask(|core| core.act(|engine, world| engine.end_instances(world))).await;
    let killed = instances_end(api, deadline).await;
    HaltAnswer { clients_cut, killed }
}

/// Waits until the proxies have ended. False if that is not by themselves.
async fn clients_leave(
    proxies: &[u32],
    until: Instant,
    mut deadline: watch::Receiver<Option<Instant>>,
) -> bool {
    let alive = || proxies.iter().filter(|pid| process::stat(**pid).is_some_and(|stat| !stat.zombie));
    let hurried = async { drop(deadline.changed().await) };
    tokio::pin!(hurried);
    deadline_passed_or(until, &mut hurried, || alive().next().is_none()).await;
    // At its own deadline a proxy ends whatever it has.
    let all_left = alive().next().is_none() && Instant::now() < until;
    for pid in alive() {
        if let Ok(proxy) = gapless_sys::PidFd::open(*pid) {
            // It may have ended just now.
            let _ = proxy.signal(9);
        }
    }
    all_left
}

/// Waits until something is so, for as long as nobody is in a hurry.
async fn deadline_passed_or(
    until: Instant,
    hurried: &mut (impl Future<Output = ()> + Unpin),
    is_so: impl Fn() -> bool,
) {
    while !is_so() {
        tokio::select! {
            () = &mut *hurried => return,
            () = sleep_until(until) => return,
            () = sleep(LOOK) => {}
        }
    }
}

/// Waits until the instances are gone; those that are not at the deadline are killed. How many those were.
async fn instances_end(api: &Api, mut deadline: watch::Receiver<Option<Instant>>) -> u32 {
    let mut desk = api.desk.clone();
    loop {
        let until = deadline.borrow_and_update().unwrap_or_else(Instant::now);
        if desk.ask(|core| core.engine.has_ended()).await.unwrap_or(true) {
            return 0;
        }
        tokio::select! {
            changed = desk.changed() => if changed.is_err() { return 0 },
            changed = deadline.changed() => if changed.is_err() { return 0 },
            () = sleep_until(until) => break,
        }
    }
    let left = desk.ask(|core| core.engine.left()).await.unwrap_or_default();
    left.iter().for_each(kill);
    let gone = async {
        while !desk.ask(|core| core.engine.has_ended()).await.unwrap_or(true) && desk.changed().await.is_ok()
        {
        }
    };
    drop(tokio::time::timeout(KILLED, gone).await);
    u32::try_from(left.len()).unwrap_or(u32::MAX)
}

/// Kills an instance's group, while its leader is surely the one that is meant.
fn kill(instance: &ProcessId) {
    if process::started(instance.pid) == Some(instance.started)
        && let Err(error) = gapless_sys::group::signal(instance.pid, 9)
    {
        tracing::warn!("cannot kill the process group {}: {error}", instance.pid);
    }
}
