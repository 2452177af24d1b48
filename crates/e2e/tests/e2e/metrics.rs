//! What Prometheus reads is what happened: the sums are those of the load's own account, to the request,
//! through rollouts and whatever of ours is killed.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Customer, PATIENCE, Site, free_address, process};
use gapless_testkit::wait::wait_for;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

/// A site with somebody who may look at its admin address.
fn site(instances: u32) -> (Site, SocketAddr, Customer) {
    let (site, admin) = (Site::new(), free_address());
    let mut app = CaseApp::new(instances);
    app.tables = format!("[admin]\nlisten = \"{admin}\"");
    app.up(&site);
    let looker = Customer::of(admin).knowing(&site.home().join("admin.token"));
    (site, admin, looker)
}

/// One look at the metrics: series with their values.
struct Scrape {
    text: String,
    series: BTreeMap<String, f64>,
}

impl Scrape {
    fn of(admin: &Customer) -> Option<Self> {
        let answer = admin.get("/metrics").ok()?;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.headers["content-type"].starts_with("text/plain; version=0.0.4"));
        let series = answer.body.lines().filter(|line| !line.starts_with('#'));
        let series = series.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Some(Self { series: series.collect(), text: answer.body })
    }

    /// The sum of a metric's series that have all these labels.
    fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let series = self.series.iter().filter(|(series, _)| {
            let (of, rest) = series.split_once('{').unwrap_or((series, ""));
            of == name && labels.iter().all(|label| rest.contains(label))
        });
        series.map(|(_, value)| *value).sum::<f64>() as u64
    }
}

/// Looks until the app has so many requests, which it reports a second later at most.
fn until_counted(admin: &Customer, requests: u64) -> Scrape {
    wait_for(&format!("{requests} requests to be counted"), PATIENCE, || {
        let scrape = Scrape::of(admin)?;
        let counted = scrape.sum("gapless_requests_total", &["app=\"app\""]);
        assert!(counted <= requests, "{counted} were counted of {requests}");
        (counted == requests).then_some(scrape)
    })
}

/// As the tool of Prometheus itself sees it, if it is there.
fn accepted_by_promtool(text: &str) {
    let check = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let Ok(mut check) = check else { return };
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(check.wait().unwrap().success(), "{text}");
}

#[test]
fn the_sums_are_right_through_a_rollout() {
    let (site, _, admin) = site(2);
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    let report = nothing_lost(load);
    let missing = Customer::of(site.address()).get("/status?code=404").unwrap();
    assert_eq!(missing.status, 404);

    let scrape = until_counted(&admin, report.requests + 1);
    accepted_by_promtool(&scrape.text);
    let requests = |labels: &[&str]| scrape.sum("gapless_requests_total", labels);
    assert_eq!(requests(&["class=\"2xx\""]), report.requests);
    assert_eq!(requests(&["class=\"4xx\""]), 1);
    for release in ["release=\"r1\"", "release=\"r2\""] {
        let all = requests(&[release]);
        assert!(all > 0, "{}", scrape.text);
        let histogram = |part: &str, labels: &[&str]| {
            scrape.sum(&format!("gapless_request_duration_seconds{part}"), labels)
        };
        assert_eq!(histogram("_count", &[release]), all);
        assert_eq!(histogram("_bucket", &[release, "le=\"+Inf\""]), all);
        // A handler takes 20 ms.
        assert!(histogram("_bucket", &[release, "le=\"0.01\""]) < all / 10 + 2, "{}", scrape.text);
    }
    // Of those that are gone only the release is left.
    let instances = scrape.series.keys().filter(|name| name.starts_with("gapless_instance_requests_total"));
    assert!(instances.clone().all(|name| name.contains("release=\"r2\"")) && instances.count() == 2 * 5);
    let of_instances = scrape.sum("gapless_instance_requests_total", &["release=\"r2\""]);
    assert_eq!(of_instances, requests(&["release=\"r2\""]));
    for (name, labels, value) in [
        ("gapless_requests_lost_total", "", 0),
        ("gapless_instances_ready", "", 2),
        ("gapless_instances_wanted", "", 2),
        ("gapless_rollouts_total", "outcome=\"completed\"", 2),
        ("gapless_rollouts_total", "outcome=\"aborted\"", 0),
        ("gapless_rollout_in_progress", "", 0),
        ("gapless_instance_requests_in_flight", "", 0),
        ("gapless_restarts_total", "", 0),
        ("gapless_proxy_up", "", 1),
        ("gapless_build_info", "", 1),
    ] {
        assert_eq!(scrape.sum(name, &[labels]), value, "{name}: {}", scrape.text);
    }
    assert!(scrape.sum("gapless_connections_accepted_total", &[]) > report.requests / 3);
}

#[test]
fn the_count_goes_on_when_proxy_and_control_are_replaced() {
    let (site, at, admin) = site(1);
    let ask = |n: u64| {
        for _ in 0..n {
            assert_eq!(Customer::of(site.address()).get("/").unwrap().status, 200);
        }
    };
    ask(5);
    until_counted(&admin, 5);
    let before = site.status().gapless;
    process::kill(before.proxy_pid.unwrap());
    wait_for("another proxy", PATIENCE, || {
        site.status().gapless.proxy_pid.filter(|pid| Some(*pid) != before.proxy_pid)
    });
    ask(7);
    until_counted(&admin, 12);
    site.kill_control();
    wait_for("another control", PATIENCE, || TcpStream::connect(at).ok());
    ask(2);
    until_counted(&admin, 14);
}

#[test]
fn nobody_listens_unless_told_and_nothing_can_be_changed_there() {
    let (site, at, admin) = site(1);
    let asked = |path: &str| admin.get(path).unwrap().status;
    assert_eq!((asked("/metrics"), asked("/v1/metrics")), (200, 200));
    assert_eq!((asked("/v1/status"), asked("/v1/down"), asked("/")), (404, 404, 404));
    assert_eq!(admin.post("/metrics", b"x").unwrap().status, 405);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut app = CaseApp::new(1);
    app.tables = format!("[admin]\nlisten = \"{}\"", taken.local_addr().unwrap());
    app.define(&site);
    let _ = site.gapless(&["up"]).exits(2).says("another program listens there");
    assert_eq!(asked("/metrics"), 200);

    app.tables = "[admin]".to_owned();
    app.up(&site);
    wait_for("the admin address is closed", PATIENCE, || TcpStream::connect(at).err());
}

#[test]
fn strangers_see_nothing() {
    let (site, at, admin) = site(1);
    let stranger = Customer::of(at);
    let wrong = Customer::of(at).header("Authorization", "Bearer 0123456789abcdef");
    for nobody in [&stranger, &wrong] {
        for path in ["/metrics", "/v1/metrics", "/", "/v1/status"] {
            let answer = nobody.get(path).unwrap();
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(answer.headers["www-authenticate"].starts_with("Bearer"));
            assert!(!answer.body.contains("gapless_") && answer.body.contains("admin.token"), "{answer:?}");
        }
    }
    let token = fs::read_to_string(site.home().join("admin.token")).unwrap();
    assert_eq!(fs::metadata(site.home().join("admin.token")).unwrap().mode() & 0o777, 0o600);

    // The next control lets the same in.
    site.kill_control();
    wait_for("another control", PATIENCE, || TcpStream::connect(at).ok());
    assert_eq!(admin.get("/metrics").unwrap().status, 200);

    // A token of the user's own, on the same address.
    let own = site.path().join("token");
    let mut app = CaseApp::new(1);
    app.tables = format!("[admin]\nlisten = \"{at}\"\ntoken_file = \"token\"");
    app.define(&site);
    let _ =
        site.gapless(&["up"]).exits(2).says("the token_file in [admin] cannot be read").says("gapless.toml:");
    fs::write(&own, "anybody may read this\n").unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o644)).unwrap();
    let _ = site
        .gapless(&["up"])
        .exits(2)
        .says("everybody on this machine may read it")
        .says("Nothing was changed");
    assert_eq!(admin.get("/metrics").unwrap().status, 200);
    fs::write(&own, "a-secret-of-our-own\n").unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
    app.up(&site);
    assert_eq!(admin.get("/metrics").unwrap().status, 401);
    assert_eq!(Customer::of(at).knowing(&own).get("/metrics").unwrap().status, 200);
    let shown = site.gapless(&["history", "--json"]).succeeds().out
        + &site.gapless(&["status", "--json"]).succeeds().out;
    assert!(!shown.contains("a-secret-of-our-own") && !shown.contains(&token));
}
