//! Upgraded connections.

use crate::instance::{Instance, read_head};
use crate::stage::{Stage, soon};
use gapless_routing::InFlight;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn upgraded(stage: &Stage) -> TcpStream {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    // The first bytes of the other protocol come right behind the head.
    let ask = "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("the head", stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: echo"), "{head}");
    expect(&mut stream, "hello early").await;
    stream
}

async fn expect(stream: &mut TcpStream, text: &str) {
    let mut got = vec![0; text.len()];
    soon(text, stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, text.as_bytes());
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted_apart() {
    let mut stage = Stage::new().await;
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&old)]).await;
    let mut stream = upgraded(&stage).await;
    let backlog = stage.route_to(vec![Stage::finish(&old), Stage::serve(&new)]).await;
    assert_eq!(backlog.instances, [(old.id.clone(), InFlight { requests: 0, upgraded: 1 })]);
    stream.write_all(b"ping").await.unwrap();
    expect(&mut stream, "ping").await;
    drop(stream);
    stage.control.drained(&old.id).await;
    let counted = stage.counted("served", |app| app.traffic.served == 1).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
}

#[tokio::test]
async fn it_outlives_its_route_and_its_listener() {
    let mut stage = Stage::new().await;
    let (one, two) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = upgraded(&stage).await;
    let mut other = stage.snapshot.apps[0].clone();
    other.app = "other".parse().unwrap();
    other.backends = vec![Stage::serve(&two)];
    stage.snapshot.routes[0].app = other.app.clone();
    stage.snapshot.apps.push(other);
    stage.apply().await;
    assert_eq!(stage.client().await.get("/").await, (200, "2 /".into()));
    stream.write_all(b"ping").await.unwrap();
    expect(&mut stream, "ping").await;

    stage.snapshot.routes.clear();
    stage.snapshot.listeners.clear();
    stage.apply().await;
    soon("nobody listens", async { while TcpStream::connect(stage.address).await.is_ok() {} }).await;
    stream.write_all(b"pong").await.unwrap();
    expect(&mut stream, "pong").await;
    stage.counted_of(&one, |one| one.in_flight.upgraded == 1).await;
    drop(stream);
    stage.counted_of(&one, |one| one.in_flight.upgraded == 0).await;
}

#[tokio::test]
async fn it_ends_for_the_client_when_the_instance_ends_it() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
        stream.write_all(format!("{head}hello early").as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = upgraded(&stage).await;
    let mut rest = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn an_instance_that_does_not_upgrade_just_answers() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let answer = stage
        .raw("GET /plain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("1 /plain"), "{answer}");
}
