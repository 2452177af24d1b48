//! A release that is not public is seen by those who may, and by nobody else.

use crate::instance::Instance;
use crate::stage::{Client, Stage, request};
use gapless_model::PreviewSecret;
use gapless_routing::{Backend, Duty, Listener, PreviewRouting, Protocol, ToProxy};
use http::header::HeaderName;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HEADER: HeaderName = HeaderName::from_static("x-gapless-preview");

/// The old release serves, and the new one those who may see it.
async fn staged(old: &Instance, new: &Instance, address: Option<SocketAddr>) -> Stage {
    let mut stage = Stage::new().await;
    stage.snapshot.apps[0].preview =
        Some(PreviewRouting { secret: PreviewSecret::new(SECRET.to_owned()), address });
    stage.route_to(vec![Stage::serve(old), private(new)]).await;
    stage
}

fn private(instance: &Instance) -> Backend {
    Backend { duty: Duty::Preview, ..Stage::serve(instance) }
}

async fn said(client: &mut Client, path: &str, secret: &str) -> (u16, String) {
    let mut asked = request("GET", path, "");
    asked.headers_mut().insert(HEADER, secret.parse().unwrap());
    let response = client.send(asked).await.unwrap();
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
}

#[tokio::test]
async fn by_its_secret_and_not_by_another() {
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    let mut stage = staged(&old, &new, None).await;
    let mut client = stage.client().await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await, (200, "1 /".into()));
        assert_eq!(said(&mut client, "/", SECRET).await, (200, "2 /".into()));
        assert_eq!(said(&mut client, "/", &SECRET.to_uppercase()).await, (200, "1 /".into()));
        assert_eq!(said(&mut client, "/", "").await, (200, "1 /".into()));
    }
    for secret in [SECRET, "another"] {
        let (_, seen) = said(&mut client, "/headers", secret).await;
        assert!(seen.contains("host:") && !seen.contains("x-gapless-preview"), "{seen}");
    }
    // Requests of the public only.
    let counted = stage.counted("the requests", |app| app.traffic.served == 61).await;
    assert_eq!(counted.traffic.failed, 0);

    // The flip: with the header or without, all go to the new one.
    stage.snapshot.apps[0].preview = None;
    stage.route_to(vec![Stage::serve(&new), private(&old)]).await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await, (200, "2 /".into()));
        assert_eq!(said(&mut client, "/", SECRET).await, (200, "2 /".into()));
    }
}

/// Nobody is kept waiting for what may never come, least of all in the place of the public.
#[tokio::test]
async fn a_preview_that_nobody_serves_says_so() {
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    let mut stage = staged(&old, &new, None).await;
    stage.route_to(vec![Stage::serve(&old)]).await;
    let mut client = stage.client().await;
    assert_eq!(said(&mut client, "/", SECRET).await.0, 503);
    assert_eq!(client.get("/").await, (200, "1 /".into()));
    assert_eq!(stage.counted("the request", |app| app.traffic.served == 1).await.traffic.failed, 0);
}

#[tokio::test]
async fn by_its_listener_whatever_host_and_path() {
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut stage = staged(&old, &new, Some(address)).await;
    stage.snapshot.listeners.push(Listener { address, descriptor: Some(0), protocol: Protocol::Plain });
    stage.snapshot.generation.0 += 1;
    let snapshot = stage.snapshot.clone();
    stage.control.sender.send(&ToProxy::Apply(snapshot), &[socket.as_fd()]).await.unwrap();
    stage.control.applied(stage.snapshot.generation).await;
    stage.snapshot.listeners[1].descriptor = None;
    let mut private = Client::connect(address).await;
    assert_eq!(private.get("/any/where").await, (200, "2 /any/where".into()));
    assert_eq!(said(&mut private, "/", "another").await, (200, "2 /".into()));
    assert_eq!(stage.client().await.get("/").await, (200, "1 /".into()));

    // When it is public there is nothing to be seen there.
    stage.snapshot.apps[0].preview = None;
    stage.route_to(vec![Stage::serve(&new)]).await;
    assert_eq!(private.get("/").await.0, 404);
}
