//! Nothing is lost, nothing grows and nothing is left behind, however long rollouts and faults go on under load.
//!
//! Only requests that a killed proxy was in the middle of may be lost. `cargo xtask soak` runs it for an hour.

mod act;
mod growth;

use act::{Act, Stage};
use gapless_e2e::parts::Part;
use gapless_e2e::traffic::{Clients, Losses, begin, plan};
use gapless_e2e::{PATIENCE, Site, dice};
use gapless_load::{LoadThread, Plan};
use growth::Growth;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the long one is if the variable `SOAK_SECONDS` does not say.
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_moment() {
    soak(Duration::from_secs(15));
}

#[test]
#[ignore = "takes an hour; run by `cargo xtask soak`"]
fn an_hour() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    soak(seconds.map_or(HOUR, Duration::from_secs));
}

fn soak(lasts: Duration) {
    let mut dice = dice();
    let site = Site::new();
    let mut stage = Stage::begin(&site);
    let load = begin(Plan {
        duration: lasts + PATIENCE * 5,
        max_requests: u64::MAX,
        ..plan(&site, Clients::Mixed, true)
    });
    let (began, mut growth, mut account) = (Instant::now(), Growth::begin(&site), Account::default());
    while began.elapsed() < lasts {
        let act = stage.choose(&mut dice);
        stage.perform(act, &mut dice);
        stage.settled();
        account.note(act, &load);
        if growth.look(began.elapsed(), &site) {
            println!("{:>6.0} s  {growth}  {}", began.elapsed().as_secs_f64(), account.line());
        }
    }
    let report = account.losses.complete(load);
    println!("{report}\n{growth}\n{}", account.line());
    growth.assert_bounded(&site);
}

/// How often what was done, and what was lost by it.
#[derive(Debug, Default)]
struct Account {
    times: BTreeMap<&'static str, u64>,
    losses: Losses,
}

impl Account {
    /// # Panics
    /// Something was lost, and no proxy was killed; or more than its clients had under way.
    #[track_caller]
    fn note(&mut self, act: Act, load: &LoadThread) {
        *self.times.entry(act.name()).or_default() += 1;
        self.losses.note(load, act, act.kills(Part::Proxy));
    }

    fn line(&self) -> String {
        let times = self.times.iter().map(|(act, times)| format!("{times} {act}"));
        format!("{} lost by killed proxies; {}", self.losses.total(), times.collect::<Vec<_>>().join(", "))
    }
}
