//! Requests that wait for an instance.

use crate::http2_client::{self, of};
use crate::instance::Instance;
use crate::stage::{Stage, request, soon};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn held_requests_go_on_when_somebody_serves() {
    let mut stage = Stage::new().await;
    stage.route_to(vec![]).await;
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..20 {
        let mut client = stage.client().await;
        waiting.spawn(async move {
            if n % 2 == 0 { client.get("/x").await } else { client.post("/length", "abc").await }
        });
    }
    stage.counted("twenty", |app| app.holding == 20).await;
    // A snapshot that changes nothing for them leaves them where they are.
    stage.apply().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    while let Some(answer) = soon("an answer", waiting.join_next()).await {
        assert_eq!(answer.unwrap().0, 200);
    }
    let counted = stage.counted("all", |app| app.traffic.served == 20).await;
    assert_eq!((counted.traffic.held, counted.traffic.failed, counted.holding), (20, 0, 0));
    let _ = counted.longest_stall_ms;
}

#[tokio::test]
async fn a_held_request_is_answered_503_in_the_end() {
    let mut stage = Stage::new().await;
    stage.snapshot.apps[0].hold.timeout = Duration::from_millis(300);
    stage.route_to(vec![]).await;
    let mut client = stage.client().await;
    let began = Instant::now();
    let response = client.send(request("GET", "/", "")).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(client.is_kept().await);
    let counted = stage.counted("one", |app| app.traffic.failed == 1).await;
    assert_eq!(counted.traffic.held, 1);
}

#[tokio::test]
async fn no_more_wait_than_may_and_those_who_go_make_room() {
    let mut stage = Stage::new().await;
    stage.snapshot.apps[0].hold.max_requests = 2;
    stage.route_to(vec![]).await;
    let get = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let connect = async || {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(get).await.unwrap();
        stream
    };
    let (one, mut two) = (connect().await, connect().await);
    let (control, snapshot) = (&mut stage.control, &stage.snapshot);
    let _ = snapshot;
    soon("two held", async { while control.counters().await.apps.iter().all(|app| app.holding < 2) {} })
        .await;
    let mut answer = String::new();
    connect().await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("too many"), "{answer}");
    drop(one);
    // Its place is free once the proxy has seen it go: then a third one is held, and not refused.
    let mut three = soon("a free place", async {
        loop {
            let mut three = connect().await;
            let mut byte = [0; 1];
            if tokio::time::timeout(Duration::from_millis(200), three.read(&mut byte)).await.is_err() {
                break three;
            }
        }
    })
    .await;
    let instance = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&instance)]).await;
    for stream in [&mut two, &mut three] {
        let mut answer = String::new();
        soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_of_http2_that_is_taken_back_makes_room_as_well() {
    let mut stage = Stage::new().await;
    stage.snapshot.apps[0].hold.max_requests = 1;
    stage.route_to(vec![]).await;
    let client = http2_client::Client::connect(stage.address).await;
    let first = tokio::spawn(client.begin(of("GET", "/", "")));
    stage.counted("the first is held", |app| app.holding == 1).await;
    assert_eq!(client.get("/").await.0, 503);
    first.abort();
    stage.counted("its place to be free", |app| app.holding == 0).await;
    let second = tokio::spawn(client.begin(of("GET", "/", "")));
    stage.counted("another is held", |app| app.holding == 1).await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    assert_eq!(soon("its answer", second).await.unwrap().unwrap().status(), 200);
    stage.counted("the account", |app| (app.traffic.served, app.traffic.client_gone) == (1, 1)).await;
}

#[tokio::test]
async fn no_more_bytes_wait_than_may() {
    let mut stage = Stage::new().await;
    stage.snapshot.apps[0].hold.max_bytes = 10_000;
    stage.route_to(vec![]).await;
    let mut waiting = stage.client().await;
    let large = "x".repeat(6_000);
    let first = large.clone();
    let waiting = tokio::spawn(async move { waiting.post("/length", &first).await });
    stage.counted("the first is held", |app| app.holding == 1).await;
    let response = stage.client().await.send(request("POST", "/length", &large)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let mut small = stage.client().await;
    let small = tokio::spawn(async move { small.get("/").await });
    stage.counted("a small one is held", |app| app.holding == 2).await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    assert_eq!(soon("the first", waiting).await.unwrap(), (200, "6000".into()));
    assert_eq!(soon("the small one", small).await.unwrap().0, 200);
    assert_eq!(stage.counted("all", |app| app.traffic.served == 2).await.traffic.failed, 1);
}

#[tokio::test]
async fn a_half_closed_client_may_wait_too() {
    let mut stage = Stage::new().await;
    stage.route_to(vec![]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    stage.counted("held", |app| app.traffic.held == 1).await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("1 /"), "{answer}");
}

#[tokio::test]
async fn an_app_that_leaves_keeps_nobody_waiting() {
    let mut stage = Stage::new().await;
    stage.route_to(vec![]).await;
    let mut client = stage.client().await;
    let answer = tokio::spawn(async move {
        let first = client.get("/").await.0;
        (first, client.get("/").await.0)
    });
    stage.counted("held", |app| app.holding == 1).await;
    stage.snapshot.apps.clear();
    stage.snapshot.routes.clear();
    stage.apply().await;
    assert_eq!(soon("both answers", answer).await.unwrap(), (503, 404));
}
