//! Clients' connections.

use crate::instance::Instance;
use crate::stage::{Client, Stage, soon, until};
use gapless_routing::socket::socket;
use gapless_routing::{Listener, Protocol, Route, ToControl, ToProxy};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn an_instance_that_closes_its_connections_does_not_close_the_clients() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    for _ in 0..5 {
        assert_eq!(client.get("/close").await, (200, "closing".into()));
    }
    assert!(client.is_kept().await);
    assert_eq!(one.seen.connections(), 5);
}

#[tokio::test]
async fn a_removed_listener_finishes_what_it_has_and_a_new_one_is_served() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut idle = stage.client().await;
    idle.get("/").await;
    let mut busy = stage.client().await;
    let gated = tokio::spawn(async move {
        let answer = busy.get("/gate").await;
        (answer, busy.is_kept().await)
    });
    until("it is there", || one.seen.requests() == 2).await;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (old, new) = (stage.address, listener.local_addr().unwrap());
    stage.snapshot.generation.0 += 1;
    stage.snapshot.listeners =
        vec![Listener { address: new, descriptor: Some(0), protocol: Protocol::Plain }];
    let app = stage.snapshot.apps[0].app.clone();
    stage.snapshot.routes = vec![Route { listener: new, host: None, path: "/".into(), app }];
    let apply = ToProxy::Apply(stage.snapshot.clone());
    stage.control.sender.send(&apply, &[listener.as_fd()]).await.unwrap();
    drop(listener);
    stage.control.applied(stage.snapshot.generation).await;
    assert_eq!(Client::connect(new).await.get("/new").await, (200, "1 /new".into()));
    soon("nobody listens", async { while TcpStream::connect(old).await.is_ok() {} }).await;
    // Who was connected gets one more answer, and is told that it is the last.
    assert_eq!(idle.get("/last").await, (200, "1 /last".into()));
    assert!(!idle.is_kept().await);
    one.seen.gate.add_permits(1);
    assert_eq!(gated.await.unwrap(), ((200, "through".into()), false));
}

#[tokio::test]
async fn shutdown_finishes_what_has_begun_and_takes_nothing_new() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    let answer = tokio::spawn(async move { client.get("/gate").await });
    until("it is there", || one.seen.requests() == 1).await;
    stage.control.sender.send(&ToProxy::Shutdown { within: 15_000 }, &[]).await.unwrap();
    let address = stage.address;
    soon("nobody listens", async { while TcpStream::connect(address).await.is_ok() {} }).await;
    one.seen.gate.add_permits(1);
    assert_eq!(answer.await.unwrap(), (200, "through".into()));
    soon("the end of the link", async { while let Ok(Some(_)) = stage.control.receiver.recv().await {} })
        .await;
    assert!(!socket(stage.home.path(), std::process::id()).exists());
}

#[tokio::test]
async fn shutdown_does_not_wait_longer_than_it_may() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until("it is there", || one.seen.requests() == 1).await;
    stage.control.sender.send(&ToProxy::Shutdown { within: 200 }, &[]).await.unwrap();
    soon("the end of the link", async { while let Ok(Some(_)) = stage.control.receiver.recv().await {} })
        .await;
    let mut rest = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn listeners_are_given_back_on_request() {
    let mut stage = Stage::new().await;
    stage.route_to(vec![]).await;
    stage.control.sender.send(&ToProxy::GiveListeners, &[]).await.unwrap();
    let (addresses, descriptors) = soon("listeners", async {
        loop {
            if let Some((ToControl::Listeners { addresses }, descriptors)) =
                stage.control.receiver.recv().await.unwrap()
            {
                return (addresses, descriptors);
            }
        }
    })
    .await;
    assert_eq!(addresses, [stage.address]);
    let [socket] = <[_; 1]>::try_from(descriptors).unwrap();
    assert_eq!(TcpListener::from(socket).local_addr().unwrap(), stage.address);
}

#[tokio::test]
async fn answers_are_not_held_back_to_fill_packets() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    let began = std::time::Instant::now();
    for _ in 0..50 {
        client.get("/large?3000").await;
    }
    // With Nagle's algorithm and delayed acknowledgement each would take 40 ms.
    assert!(began.elapsed() < Duration::from_millis(1900), "{:?}", began.elapsed());
}
