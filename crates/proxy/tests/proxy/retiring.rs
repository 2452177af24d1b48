//! A proxy whose successor accepts from the same listening sockets.

use crate::instance::Instance;
use crate::socket_frames::{CLOSE, Frame, Server, masked, restart};
use crate::stage::{Client, Stage, soon, until};
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::InFlight;
use gapless_routing::socket::socket;
use gapless_routing::{ToControl, ToProxy};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Longer than any test.
const LONG: u64 = 600_000;

/// Two proxies on one listening socket; the second has applied its first snapshot.
async fn pair(one: &Instance, two: &Instance) -> (Stage, Stage) {
    let mut old = Stage::new().await;
    let mut new = Stage::beside(&old).await;
    old.route_to(vec![Stage::serve(one)]).await;
    new.route_to(vec![Stage::serve(two)]).await;
    (old, new)
}

async fn retire(stage: &mut Stage, within: u64) {
    stage.control.sender.send(&ToProxy::Retire { within }, &[]).await.unwrap();
}

/// A client that the first of two proxies has.
async fn of_the_first(stage: &Stage) -> Client {
    soon("a connection to the first", async {
        loop {
            let mut client = stage.client().await;
            if client.get("/").await.1 == "1 /" {
                return client;
            }
        }
    })
    .await
}

async fn ends(mut stage: Stage) {
    soon("the end of the link", async { while let Ok(Some(_)) = stage.control.receiver.recv().await {} })
        .await;
    let path = socket(stage.home.path(), std::process::id());
    until("the end of the proxy", || !path.exists()).await;
}

#[tokio::test]
async fn it_finishes_with_its_clients_and_is_routed_on_until_they_have_gone() {
    let (one, two, three) = (Instance::unix(1), Instance::unix(2), Instance::unix(3));
    let (mut old, new) = pair(&one, &two).await;
    // They are told apart by who answers: both accept, until one of them retires.
    let mut idle = of_the_first(&old).await;
    let mut busy = of_the_first(&old).await;
    let before = one.seen.requests();
    let gated = tokio::spawn(async move { (busy.get("/gate").await, busy.is_kept().await) });
    until("it is there", || one.seen.requests() == before + 1).await;
    retire(&mut old, LONG).await;
    soon("only the successor to accept", async {
        let mut in_a_row = 0;
        while in_a_row < 10 {
            in_a_row = if old.client().await.get("/").await.1 == "2 /" { in_a_row + 1 } else { 0 };
        }
    })
    .await;

    // An instance that retires meanwhile still has what this one sent to it.
    let backlog = old.route_to(vec![Stage::finish(&one), Stage::serve(&three)]).await;
    let of_one = backlog.instances.iter().find(|(id, _)| *id == one.id);
    assert_eq!(of_one.map(|(_, load)| *load), Some(InFlight { requests: 1, upgraded: 0 }));
    one.seen.gate.add_permits(1);
    assert_eq!(gated.await.unwrap(), ((200, "through".into()), false));
    old.control.drained(&one.id).await;

    // A client that had nothing to ask is answered when it has, by the newest snapshot, and told that it is
    // the last time.
    assert_eq!(idle.get("/late").await, (200, "3 /late".into()));
    assert!(!idle.is_kept().await);
    ends(old).await;
    assert_eq!(new.client().await.get("/new").await, (200, "2 /new".into()));
}

#[tokio::test]
async fn nobody_who_connects_meanwhile_is_lost() {
    let (one, two) = (Instance::unix(1), Instance::unix(2));
    let (mut old, new) = pair(&one, &two).await;
    let stop = Arc::new(AtomicBool::new(false));
    let lost = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stop, lost, address) = (Arc::clone(&stop), Arc::clone(&lost), old.address);
            std::thread::spawn(move || {
                let mut answered = 0;
                while !stop.load(Ordering::Relaxed) {
                    match ask(address) {
                        Ok(()) => answered += 1,
                        Err(error) => lost.lock().unwrap().push(error.to_string()),
                    }
                }
                answered
            })
        })
        .collect();
    until("they are there", || one.seen.requests() > 50 && two.seen.requests() > 50).await;
    retire(&mut old, LONG).await;
    ends(old).await;
    let then = two.seen.requests();
    until("they are served on", || two.seen.requests() > then + 100).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(tokio::task::spawn_blocking(|| client.join().unwrap()).await.unwrap() > 0);
    }
    assert_eq!(*lost.lock().unwrap(), Vec::<String>::new());
    drop(new);
}

fn ask(address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

#[tokio::test]
async fn web_sockets_end_as_their_app_says() {
    for policy in [WebSocketPolicy::Close, WebSocketPolicy::Keep] {
        let mut stage = Stage::new().await;
        stage.snapshot.apps[0].drain = DrainSpec {
            timeout: Duration::from_secs(15),
            websocket: policy,
            websocket_timeout: Duration::from_secs(600),
            websocket_window: Duration::ZERO,
        };
        let mut server = Server::new(1);
        stage.route_to(vec![Stage::serve(&server.instance)]).await;
        let (mut client, mut instance) = server.open(&stage).await;
        retire(&mut stage, LONG).await;
        if policy == WebSocketPolicy::Close {
            assert_eq!(Frame::read(&mut client).await.unwrap(), restart());
        } else {
            // Long enough that a close would have come: the workers have applied a snapshot behind it.
            stage.apply().await;
        }
        let answer = masked(CLOSE, 1012_u16.to_be_bytes());
        client.write_all(&answer.bytes()).await.unwrap();
        assert_eq!(Frame::read(&mut instance).await.unwrap(), answer);
        drop((instance, client));
        ends(stage).await;
    }
}

#[tokio::test]
async fn it_does_not_wait_longer_than_it_may_and_says_how_it_stands() {
    let (one, two) = (Instance::unix(1), Instance::unix(2));
    let (mut old, new) = pair(&one, &two).await;
    let idle = tokio::net::TcpStream::connect(old.address).await.unwrap();
    retire(&mut old, 1_500).await;
    old.apply().await;
    let newer = crate::stage::Control::connect(old.home.path()).await;
    assert!(newer.retiring && newer.hello.1.is_empty());
    let former = std::mem::replace(&mut old.control, newer);
    drop(former);
    // A connection without a request is nothing that has begun.
    while let Some(message) = soon("the end", old.control.receiver.recv()).await.unwrap() {
        assert!(!matches!(message.0, ToControl::Refused { .. }));
    }
    drop((idle, new));
}
