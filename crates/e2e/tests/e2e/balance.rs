//! Who is asked: an instance that fails is passed over and comes back, a client stays where it was through a
//! reload, and a new instance gets its share little by little.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{Answer, CaseApp, Customer, PATIENCE, Site, free_address};
use gapless_testkit::wait::wait_for;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Who has answered.
fn pid(answer: &Answer) -> u64 {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["pid"].as_u64().unwrap()
}

/// How many of the next `count` answers are whose, by status.
fn ask(site: &Site, count: usize) -> BTreeMap<(u16, u64), usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..count {
        let answer = Customer::of(site.address()).get("/").unwrap();
        *counts.entry((answer.status, pid(&answer))).or_default() += 1;
    }
    counts
}

#[test]
fn one_of_four_that_answers_500_is_passed_over_and_comes_back() {
    let (site, admin) = (Site::new(), free_address());
    let mut app = CaseApp::new(4).env("HANDLER_MS", 1);
    app.tables =
        format!("[apps.app.balance]\neject_after = 3\n[admin]\nlisten = \"{admin}\"\n[proxy]\nworkers = 2");
    app.up(&site);
    assert_eq!(ask(&site, 100).len(), 4);

    let ill = pid(&Customer::of(site.address()).post("/ill?ms=3000", b"").unwrap());
    let began = Instant::now();
    let counts = ask(&site, 400);
    let errors: usize = counts.iter().filter(|((status, _), _)| *status == 500).map(|(_, n)| n).sum();
    assert!(
        (1..=6).contains(&errors),
        "three for each worker, at most, after {:?}: {counts:?}",
        began.elapsed()
    );
    assert!(counts.keys().all(|(status, pid)| *status == 200 || *pid == ill), "{counts:?}");
    let seen = wait_for("the ejection in the status", PATIENCE, || {
        let all = site.instances("app").into_iter().filter_map(|one| Some((one.pid, one.ejected?)));
        Some(all.collect::<Vec<_>>()).filter(|ejected| !ejected.is_empty())
    });
    let _ = site.gapless(&["status"]).succeeds().says(": ejected by ").says("for another ");
    let looker = Customer::of(admin).knowing(&site.home().join("admin.token"));
    let ejections = wait_for("the ejection in the metrics", PATIENCE, || {
        let metrics = looker.get("/metrics").ok()?.body;
        let line = metrics.lines().find(|line| line.starts_with("gapless_ejections_total{app=\"app\""))?;
        let count: u32 = line.rsplit_once(' ')?.1.parse().ok()?;
        (count > 0).then_some(count)
    });
    assert!((1..=4).contains(&ejections), "{ejections}");
    assert_eq!(seen.len(), 1, "{seen:?}");
    let (pid, ejected) = &seen[0];
    assert_eq!(pid.map(u64::from), Some(ill));
    assert!(ejected.why.contains("3 requests in a row failed") && ejected.why.contains("500"), "{ejected:?}");
    assert!((1..=2).contains(&ejected.workers) && ejected.remaining_ms <= 60_000, "{ejected:?}");

    wait_for("it is asked again", PATIENCE, || ask(&site, 20).contains_key(&(200, ill)).then_some(()));
    assert!(ask(&site, 200).keys().all(|(status, _)| *status == 200));
    assert_eq!(site.app("app").ready, 4, "its probes are content all the while");
    wait_for("nothing of it in the status", PATIENCE, || {
        site.instances("app").iter().all(|one| one.ejected.is_none()).then_some(())
    });
}

#[test]
fn sticky_clients_stay_through_a_reload_and_lose_nothing() {
    let site = Site::new();
    let mut app = CaseApp::new(2).env("SHUTDOWN", "close");
    app.tables = "[apps.app.balance]\nsticky = \"instance\"".to_owned();
    app.up(&site);
    let before: BTreeSet<u64> = site.pids("app").into_values().flatten().map(u64::from).collect();
    let load = begin(plan(&site, Clients::Mixed, true));
    let over = AtomicBool::new(false);
    let (address, over) = (site.address(), &over);
    let customer = || {
        let (mut cookie, mut places) = (String::from("x=1"), Vec::new());
        loop {
            let is_last = over.load(Ordering::SeqCst);
            let answer = Customer::of(address).header("Cookie", &cookie).get("/").unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            let told = answer.headers.get("set-cookie").and_then(|line| line.split_once(';'));
            match told {
                Some((pair, _)) => {
                    assert!(pair.starts_with("instance="), "{answer:?}");
                    cookie = pair.to_owned();
                    places.push(pid(&answer));
                }
                None => assert_eq!(places.last(), Some(&pid(&answer)), "moved without a word"),
            }
            if is_last {
                return places;
            }
        }
    };
    let places: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let customers: Vec<_> = (0..8).map(|_| scope.spawn(customer)).collect();
        let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
        over.store(true, Ordering::SeqCst);
        customers.into_iter().map(|customer| customer.join().unwrap()).collect()
    });
    nothing_lost(load);
    for places in &places {
        // From an old one to at most the other old one, and from there to a new one; or from that one to the
        // other, when it came where one was leaving.
        assert!((2..=3).contains(&places.len()), "{places:?} of {before:?}");
        assert!(before.contains(&places[0]) && !before.contains(places.last().unwrap()), "{places:?}");
    }
}

#[test]
fn a_new_instance_gets_its_share_little_by_little() {
    const WARM: f64 = 4.0;
    let site = Site::new();
    let mut app = CaseApp::new(1).env("HANDLER_MS", 0);
    app.tables = format!("[apps.app.balance]\nslow_start = \"{WARM}s\"");
    let began = Instant::now();
    app.up(&site);
    let old = *ask(&site, 1).keys().next().unwrap();
    wait_for("the first one is warm", PATIENCE, || {
        (began.elapsed().as_secs_f64() > 2.0 * WARM).then_some(())
    });
    let of_the_new = || 100 - ask(&site, 100).get(&old).copied().unwrap_or(0);

    let began = Instant::now();
    let _ = site.gapless(&["scale", "app", "2"]).succeeds();
    let first = of_the_new();
    // What it may have at the end of these, with room for chance: less than half unless this machine is slow.
    let weight = 0.1 + 0.9 * (began.elapsed().as_secs_f64() / WARM).min(1.0);
    let most = 100.0 * weight / (1.0 + weight) + 15.0;
    assert!((first as f64) < most, "{first} of 100, and {most} at most");
    wait_for("its whole share", PATIENCE, || (of_the_new() >= 40).then_some(()));
}
