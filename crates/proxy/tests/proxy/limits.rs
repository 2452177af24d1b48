//! Requests that are larger than their app takes.

use crate::instance::Instance;
use crate::stage::{Stage, request};
use gapless_model::limits::LimitSpec;

async fn limited(limits: LimitSpec) -> (Stage, Instance) {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.snapshot.apps[0].limits = limits;
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_long_is_refused_before_an_instance_sees_it() {
    let (mut stage, one) =
        limited(LimitSpec { max_body: Some(1000), max_head: None, ..LimitSpec::default() }).await;
    let mut client = stage.client().await;
    assert_eq!(client.post("/length", &"x".repeat(1000)).await, (200, "1000".into()));
    let (status, text) = client.post("/length", &"x".repeat(1001)).await;
    assert_eq!(status, 413);
    assert!(text.contains("longer than the app takes"), "{text}");
    assert_eq!(client.get("/next").await.0, 200, "the connection goes on");
    assert_eq!(one.seen.requests(), 2);
    let counted = stage.counted("it", |app| app.traffic.refused == 1).await;
    assert_eq!((counted.traffic.served, counted.traffic.failed), (2, 0), "{counted:?}");
}

#[tokio::test]
async fn a_body_that_turns_out_to_be_too_long_never_ends() {
    let (stage, one) =
        limited(LimitSpec { max_body: Some(1000), max_head: None, ..LimitSpec::default() }).await;
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let ask = |chunks: usize| {
        format!(
            "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}0\r\n\r\n",
            chunk.repeat(chunks)
        )
    };
    let answer = stage.raw(&ask(2)).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("1000"), "{answer}");
    let answer = stage.raw(&ask(3)).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    assert!(one.seen.requests() <= 2, "it was not sent again");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (stage, one) =
        limited(LimitSpec { max_body: None, max_head: Some(500), ..LimitSpec::default() }).await;
    let mut client = stage.client().await;
    assert_eq!(client.get("/short").await.0, 200);
    assert_eq!(client.get(&format!("/{}", "x".repeat(500))).await.0, 431);
    let mut long = request("GET", "/", "");
    let _ = long.headers_mut().insert("x-long", "x".repeat(500).parse().unwrap());
    assert_eq!(client.send(long).await.unwrap().status(), 431);
    assert_eq!(client.get("/next").await.0, 200, "the connection goes on");
    assert_eq!(one.seen.requests(), 2);
}

#[tokio::test]
async fn only_who_is_trusted_speaks_for_others() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    let ask = "GET /headers HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
               X-Forwarded-Host: y\r\nConnection: close\r\n\r\n";
    for (networks, believed) in [
        (vec!["127.0.0.0/8"], true),
        (vec!["10.0.0.0/8"], false),
        (vec![], false),
        (vec!["127.0.0.1/32"], true),
    ] {
        let networks = networks.iter().map(|network: &&str| network.parse().unwrap());
        stage.snapshot.trust = gapless_model::trust::Trust::new(networks.collect());
        stage.route_to(vec![Stage::serve(&one)]).await;
        let answer = stage.raw(ask).await;
        assert_eq!(answer.contains("203.0.113.9"), believed, "{answer}");
        assert_eq!(answer.contains("x-forwarded-proto: https"), believed, "{answer}");
        assert_eq!(answer.contains("x-forwarded-host: y"), believed, "{answer}");
    }
}
