//! Whatever of Gapless is killed, one part or two at once, at whatever moment, with a rollout in progress or
//! without: no instance is restarted for it, no connection is refused, and the rollout ends as it should. Only
//! what a killed proxy was in the middle of is lost.

use gapless_api::status::AppStatus;
use gapless_e2e::parts::{Killed, Part};
use gapless_e2e::traffic::{Clients, Losses, begin, plan};
use gapless_e2e::{CaseApp, Outcome, PATIENCE, Site, counter, dice};
use gapless_load::{LoadThread, Plan};
use gapless_model::event::{Event, What};
use gapless_testkit::wait::wait_for;
use std::time::{Duration, Instant};

/// The longest that the load goes on.
const AT_MOST: Duration = Duration::from_secs(900);

/// From one recovery to the next kill at most.
const LULL: Duration = Duration::from_millis(150);

#[test]
fn again_and_again() {
    killed(25);
}

#[test]
#[ignore = "takes minutes; run by `cargo xtask soak`"]
fn a_hundred_times() {
    killed(100);
}

fn killed(times: usize) {
    let mut dice = dice();
    let site = Site::new();
    CaseApp { bake: "200ms".into(), tables: counter::TABLE.into(), ..CaseApp::new(2) }.up(&site);
    let load = begin(Plan { duration: AT_MOST, ..plan(&site, Clients::Mixed, true) });
    let mut account = Account::default();
    let counter = site.pids("counter");
    for time in 0..times {
        let before = site.pids("app");
        // Every second one is in the middle of a rollout, if that lasts as long.
        let reload = (time % 2 == 1).then(|| site.begin(&["reload", "app"]));
        let moment = Instant::now() + LULL.mul_f64(dice.f64());
        wait_for("a moment", PATIENCE, || (Instant::now() >= moment).then_some(()));
        let killed = Killed::now(&site, Part::AT_ONCE[dice.usize(..Part::AT_ONCE.len())]);
        killed.all_are_back(&site);
        match reload {
            Some(reload) => account.ended(reload.wait()),
            None => assert_eq!(site.pids("app"), before, "restarted for {killed:?}"),
        }
        account.note(&killed, &load);
        let settled = |app: &AppStatus| app.rollout.is_none() && app.ready == 2 && app.instances.len() == 2;
        let app = site.wait_until("app", "two instances", settled);
        assert!(app.instances.iter().all(|i| i.restarts == 0), "after {killed:?}: {app:#?}");
    }
    assert_eq!(site.pids("counter"), counter, "restarted");
    let history = site.gapless(&["history", "-n", "1000000", "--json"]).succeeds().out;
    let history: Vec<Event> = serde_json::from_str(&history).unwrap();
    assert_eq!(history.iter().find(|event| matches!(event.what, What::InstanceFailed { .. })), None);
    let again = counter::is_heard(&site);

    let report = account.losses.complete(load);
    println!("{report}\n{account:?}, {again} lines are there again");
    assert!(account.rollouts > account.unanswered, "{account:?}");
}

/// What it came to.
#[derive(Debug, Default)]
struct Account {
    /// Times that one was killed.
    controls: u64,
    proxies: u64,
    keepers: u64,
    losses: Losses,
    /// Rollouts that ended well.
    rollouts: u64,
    /// Commands whose control was killed between hearing of it and answering.
    unanswered: u64,
}

impl Account {
    /// # Panics
    /// Something was lost, and no proxy was killed; or more than its clients had under way.
    #[track_caller]
    fn note(&mut self, killed: &Killed, load: &LoadThread) {
        let times = |part| u64::from(killed.has(part));
        self.controls += times(Part::Control);
        self.proxies += times(Part::Proxy);
        self.keepers += times(Part::Keeper);
        self.losses.note(load, killed, killed.has(Part::Proxy));
    }

    /// # Panics
    /// A rollout failed, or its command.
    #[track_caller]
    fn ended(&mut self, reload: Outcome) {
        if reload.code == 4 {
            let _ = reload.says("may have been done");
            self.unanswered += 1;
        } else {
            let _ = reload.succeeds();
            self.rollouts += 1;
        }
    }
}
