//! Each way to lose a request is counted as what it is, and nothing else is.

mod server;

use gapless_load::{FailureKind, LoadThread, Plan, Report, RequestKind, Stream, Verify, VersionFrom, run};
use server::Server;
use std::time::{Duration, Instant};

/// Longer than any test takes; the number of requests is what ends a plan here.
const LONG: Duration = Duration::from_secs(60);

fn get(path: &str, clients: u32) -> Stream {
    Stream::new(path, clients, RequestKind::get(path))
}

async fn load(stream: Stream, requests: u64) -> Report {
    let server = Server::start().await;
    let plan = Plan { max_requests: requests, ..Plan::new(server.address, LONG) };
    run(plan.with(stream)).await
}

fn all_lost_as(report: &Report, kind: FailureKind, requests: u64) {
    assert_eq!(report.lost_as(kind), requests, "{report}");
    assert_eq!((report.requests, report.right, report.lost()), (requests, 0, requests), "{report}");
}

#[tokio::test]
async fn right_answers_over_kept_connections() {
    let report = load(get("/ok", 4), 200).await;
    assert_eq!((report.requests, report.right, report.lost()), (200, 200, 0), "{report}");
    assert_eq!(report.connections, 4);
    assert_eq!(report.by_status.get(&200), Some(&200));
    assert_eq!(report.bytes, 800);
    assert!(report.latency.p50_us > 0 && report.latency.p50_us <= report.latency.max_us);
}

#[tokio::test]
async fn right_answers_over_new_connections() {
    let report = load(get("/ok", 4).connecting_anew(), 100).await;
    assert_eq!((report.right, report.lost(), report.connections), (100, 0, 100), "{report}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_no_loss() {
    let report = load(get("/tire", 2), 60).await;
    assert_eq!((report.right, report.lost()), (60, 0), "{report}");
    assert!(report.connections >= 20 && report.reconnects >= 18, "{report:?}");
}

#[tokio::test]
async fn every_way_to_lose() {
    for (path, kind) in [
        ("/reset", FailureKind::Reset),
        ("/close", FailureKind::Closed),
        ("/truncate", FailureKind::Truncated),
        ("/garble", FailureKind::Garbled),
        ("/oops", FailureKind::ServerError),
        ("/missing", FailureKind::OtherStatus),
        ("/moved", FailureKind::OtherStatus),
    ] {
        all_lost_as(&load(get(path, 2), 10).await, kind, 10);
        all_lost_as(&load(get(path, 2).connecting_anew(), 10).await, kind, 10);
    }
}

#[tokio::test]
async fn nobody_listens() {
    let address = Server::start().await.address;
    // The server is gone with the statement above, as soon as its task has been dropped.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let report = run(Plan { max_requests: 7, ..Plan::new(address, LONG) }.with(get("/ok", 2))).await;
    all_lost_as(&report, FailureKind::Refused, 7);
    assert!(report.failures[0].what.contains("refused"), "{report}");
}

#[tokio::test]
async fn hangs_end_at_the_timeout() {
    for path in ["/hang", "/hang-in-body"] {
        let server = Server::start().await;
        let plan =
            Plan { max_requests: 3, timeout: Duration::from_millis(100), ..Plan::new(server.address, LONG) };
        let report = run(plan.with(get(path, 3))).await;
        all_lost_as(&report, FailureKind::Hung, 3);
        assert_eq!(report.failures[0].what, format!("no complete answer to {path} within 100ms"));
    }
}

#[tokio::test]
async fn bodies_are_verified() {
    let post = |path: &str| Stream::new(path, 2, RequestKind::post(path, 0..=100_000));
    let echoed = load(post("/echo").verified_by(Verify::Echo), 40).await;
    assert_eq!((echoed.right, echoed.lost()), (40, 0), "{echoed}");
    all_lost_as(&load(post("/mangle").verified_by(Verify::Echo), 4).await, FailureKind::WrongBody, 4);
    all_lost_as(&load(post("/ok").verified_by(Verify::Sha256), 4).await, FailureKind::WrongBody, 4);
    let picky = Verify::with(|sent, answer| Err(format!("{} gave {}", sent.path, answer.status)));
    let report = load(get("/ok", 1).verified_by(picky), 1).await;
    assert_eq!(report.failures[0].what, "/ok gave 200");
}

#[tokio::test]
async fn versions_and_streams_are_told_apart() {
    let server = Server::start().await;
    let plan = Plan { max_requests: 50, keep_failures: 3, ..Plan::new(server.address, LONG) }
        .versioned_by(VersionFrom::JsonField("version".to_owned()))
        .with(get("/version", 1))
        .with(get("/oops", 1));
    let report = run(plan).await;
    let [good, bad] = &report.streams[..] else { panic!("{report:?}") };
    assert_eq!((good.lost, bad.right), (0, 0));
    assert_eq!(good.right + bad.lost, 50);
    assert_eq!(report.answers_of("v7"), good.right);
    assert_eq!(report.failures.len(), 3);
    assert!(report.failures.iter().all(|f| f.stream == "/oops" && f.what == "status 502: \"no instance\""));
}

#[tokio::test]
async fn a_paced_client_is_never_faster_than_its_period() {
    let server = Server::start().await;
    let plan = Plan::new(server.address, Duration::from_millis(500))
        .with(get("/ok", 5).every(Duration::from_millis(50)));
    let report = run(plan).await;
    assert_eq!(report.lost(), 0, "{report}");
    assert!((5..=50).contains(&report.right), "{report}");
}

#[tokio::test]
async fn a_stop_finishes_what_is_begun() {
    let server = Server::start().await;
    let thread = LoadThread::start(Plan::new(server.address, LONG).with(get("/ok", 3))).unwrap();
    let deadline = Instant::now() + LONG;
    while thread.handle().progress().right < 10 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!thread.has_ended());
    let so_far = thread.handle().report();
    let report = tokio::task::spawn_blocking(move || thread.stop()).await.unwrap();
    assert!(so_far.right >= 10 && report.right >= so_far.right);
    assert_eq!(report.lost(), 0, "{report}");
    assert_eq!(report.requests, report.right);
}
