//! What an idle connection takes of the proxy's memory.

use crate::frames::{DATA, Raw, get};
use crate::instance::{Instance, read_head};
use crate::stage::{Stage, soon};
use crate::tls_client::{Hands, pair};
use gapless_proxy::Options;
use rustls::version::TLS13;
use std::any::Any;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often the proxies here look at their clients. After two looks a connection is idle.
const LOOK: Duration = Duration::from_millis(100);

/// See [`each`].
const PARTS: usize = 10;

/// The proxy that [`Stage::apart`] starts.
#[test]
#[ignore = "it is the process that another test starts"]
fn a_proxy() {
    let Ok(home) = std::env::var(crate::stage::APART) else { return };
    let _ = gapless_proxy::run(Options { home: home.into(), workers: 1, log: None, look: LOOK });
}

/// Opens connections and says what each takes while it is idle, in bytes. A part of them at a time: what those took
/// before they were idle is there for the next ones.
async fn each<F>(stage: &Stage, count: usize, open: impl Fn() -> F) -> usize
where
    F: Future<Output = Box<dyn Any>>,
{
    let mut all = vec![open().await];
    let before = stage.settled(4 * LOOK).await;
    for _ in 0..PARTS {
        for _ in 0..count / PARTS {
            all.push(open().await);
        }
        stage.settled(4 * LOOK).await;
    }
    stage.settled(4 * LOOK).await.saturating_sub(before) / count
}

fn small(what: &str, bytes: usize, most: usize) {
    println!("{what}: {bytes} bytes");
    assert!(bytes <= most, "{what}: {bytes} bytes each, {most} are enough");
}

async fn stage() -> (Stage, Instance) {
    let mut stage = Stage::apart().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

#[tokio::test]
async fn a_client_of_http1_that_may_ask_again() {
    let (stage, _one) = stage().await;
    let to = stage.address;
    let open = || async move {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(b"GET /idle HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"1 /idle") {
            assert!(soon("the answer", stream.read_buf(&mut answer)).await.unwrap() > 0);
        }
        Box::new(stream) as Box<dyn Any>
    };
    small("HTTP/1.1", each(&stage, 2_000, open).await, 6 * 1024);
}

#[tokio::test]
async fn a_client_that_has_not_asked_yet() {
    let (stage, _one) = stage().await;
    let to = stage.address;
    let open = || async move { Box::new(TcpStream::connect(to).await.unwrap()) as Box<dyn Any> };
    small("no request", each(&stage, 2_000, open).await, 6 * 1024);
}

#[tokio::test]
async fn a_client_of_http2() {
    let (stage, _one) = stage().await;
    let to = stage.address;
    let open = || async move {
        let mut raw = Raw::connect(to).await;
        raw.ask(1, &get("/idle")).await;
        raw.wait_for(DATA).await.unwrap().unwrap();
        Box::new(raw) as Box<dyn Any>
    };
    small("HTTP/2", each(&stage, 500, open).await, 40 * 1024);
}

#[tokio::test]
async fn a_client_of_tls() {
    let (mut stage, _one) = stage().await;
    stage.secure(vec![pair(&["a.test"])]).await;
    let (to, hands) = (stage.address, Hands::new(&[&TLS13]).offering("http/1.1"));
    let open = || async {
        let (mut client, _) = hands.client(to, "a.test").await;
        assert_eq!(client.get("/idle").await.0, 200);
        Box::new(client) as Box<dyn Any>
    };
    small("TLS", each(&stage, 500, open).await, 16 * 1024);
}

#[tokio::test]
async fn a_websocket() {
    let mut stage = Stage::apart().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            )
            .await?;
        stream.read(&mut [0; 1]).await.map(drop)
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let to = stage.address;
    let open = || async move {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let ask = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(soon("the answer", stream.read_buf(&mut answer)).await.unwrap() > 0);
        }
        Box::new(stream) as Box<dyn Any>
    };
    small("WebSocket", each(&stage, 2_000, open).await, 8 * 1024);
}
