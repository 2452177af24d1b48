//! The link to control.

use crate::instance::Instance;
use crate::stage::{Control, Stage, soon};
use gapless_model::Generation;
use gapless_routing::socket::socket;
use gapless_routing::{ToControl, ToProxy};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn the_newest_control_wins_and_finds_what_is_there() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let path = socket(stage.home.path(), std::process::id());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let newer = Control::connect(stage.home.path()).await;
    assert_eq!(newer.hello, (stage.snapshot.generation, vec![stage.address]));
    // The former one is dropped, and what it still says is not heard.
    let mut former = std::mem::replace(&mut stage.control, newer);
    let _ = former.sender.send(&ToProxy::Apply(Default::default()), &[]).await;
    soon("the end", async { while let Ok(Some(_)) = former.receiver.recv().await {} }).await;
    // Without sockets: the proxy has them.
    stage.apply().await;
    assert_eq!(stage.client().await.get("/").await.0, 200);
}

#[tokio::test]
async fn it_serves_on_while_nobody_is_connected() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    let newer = Control::connect(stage.home.path()).await;
    drop(std::mem::replace(&mut stage.control, newer));
    for _ in 0..10 {
        assert_eq!(client.get("/").await.0, 200);
    }
    stage.apply().await;
    stage.counted("all of them", |app| app.traffic.served == 10).await;
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_applied_is_refused_and_nothing_changes() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut bad = stage.snapshot.clone();
    bad.generation = Generation(99);
    bad.listeners[0].address = "127.0.0.1:1".parse().unwrap();
    stage.control.sender.send(&ToProxy::Apply(bad), &[]).await.unwrap();
    let message = soon("the refusal", async {
        loop {
            if let ToControl::Refused { generation: Generation(99), message } = stage.control.next().await {
                return message;
            }
        }
    })
    .await;
    assert!(message.contains("127.0.0.1:1"), "{message}");
    assert_eq!(stage.client().await.get("/").await.0, 200);
}

#[tokio::test]
async fn many_snapshots_in_a_row_end_with_the_newest() {
    let mut stage = Stage::new().await;
    let (one, two) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&one)]).await;
    for n in 0..50 {
        stage.snapshot.generation.0 += 1;
        stage.snapshot.apps[0].backends = vec![Stage::serve(if n % 2 == 0 { &one } else { &two })];
        stage.control.sender.send(&ToProxy::Apply(stage.snapshot.clone()), &[]).await.unwrap();
    }
    stage.control.applied(stage.snapshot.generation).await;
    assert_eq!(stage.client().await.get("/").await, (200, "2 /".into()));
}
