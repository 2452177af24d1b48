//! Instances come and go under load.

use crate::instance::Instance;
use crate::stage::{Client, Stage, until};
use gapless_routing::{Duty, InFlight};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[tokio::test]
async fn nothing_is_lost_while_instances_are_replaced_under_load() {
    let mut stage = Stage::new().await;
    let mut current = vec![Instance::unix(1), Instance::unix(2)];
    stage.route_to(current.iter().map(Stage::serve).collect()).await;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (stop, sent, address) = (Arc::clone(&stop), Arc::clone(&sent), stage.address);
        load.spawn(async move {
            let mut client = Client::connect(address).await;
            while !stop.load(Ordering::SeqCst) {
                if n % 4 == 0 {
                    client = Client::connect(address).await;
                }
                let status = match n % 2 {
                    0 => client.get("/x").await.0,
                    _ => client.post("/length", "0123456789").await.0,
                };
                assert_eq!(status, 200);
                sent.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for round in 1..=5 {
        let reached = sent.load(Ordering::SeqCst) + 200;
        until("some load", || sent.load(Ordering::SeqCst) > reached || load.is_empty()).await;
        let next = vec![Instance::unix(round * 2 + 1), Instance::unix(round * 2 + 2)];
        let both = next.iter().map(Stage::serve).chain(current.iter().map(Stage::finish));
        let backlog = stage.route_to(both.collect()).await;
        for old in &current {
            if backlog.instances.iter().any(|(id, _)| *id == old.id) {
                stage.control.drained(&old.id).await;
            }
        }
        // Drained: it may go, as hard as it likes.
        for old in &mut current {
            old.kill().await;
        }
        current = next;
        stage.route_to(current.iter().map(Stage::serve).collect()).await;
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(done) = load.join_next().await {
        done.unwrap();
    }
    let sent = sent.load(Ordering::SeqCst) as u64;
    let counted = stage.counted("all", |app| app.traffic.served >= sent).await;
    assert_eq!((counted.traffic.served, counted.traffic.failed), (sent, 0));
}

#[tokio::test]
async fn a_request_of_before_is_in_the_backlog_and_its_end_is_told_at_once() {
    let mut stage = Stage::new().await;
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&old)]).await;
    let mut gated = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let mut client = stage.client().await;
        gated.spawn(async move { client.get("/gate").await });
    }
    until("three are there", || old.seen.requests() == 3).await;
    let backlog = stage.route_to(vec![Stage::finish(&old), Stage::serve(&new)]).await;
    assert_eq!(backlog.instances, [(old.id.clone(), InFlight { requests: 3, upgraded: 0 })]);
    let mut client = stage.client().await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await, (200, "2 /".into()));
    }
    old.seen.gate.add_permits(3);
    stage.control.drained(&old.id).await;
    while let Some(answer) = gated.join_next().await {
        assert_eq!(answer.unwrap(), (200, "through".into()));
    }
    // Asked again by the same snapshot: it is said again.
    stage.apply().await;
    stage.control.drained(&old.id).await;
    // Its idle connections were closed, and new work is possible again.
    stage.route_to(vec![Stage::serve(&old)]).await;
    assert_eq!(client.get("/").await, (200, "1 /".into()));
}

#[tokio::test]
async fn an_instance_without_work_is_said_to_be_done_right_away() {
    let mut stage = Stage::new().await;
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&old)]).await;
    stage.client().await.get("/").await;
    let backlog = stage.route_to(vec![Stage::finish(&old), Stage::serve(&new)]).await;
    assert!(backlog.instances.is_empty());
    stage.control.drained(&old.id).await;
}

#[tokio::test]
async fn one_that_left_the_snapshot_is_counted_until_it_is_done() {
    let mut stage = Stage::new().await;
    let (old, new) = (Instance::unix(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&old)]).await;
    let mut client = stage.client().await;
    let answer = tokio::spawn(async move { client.get("/gate").await });
    until("it is there", || old.seen.requests() == 1).await;
    let backlog = stage.route_to(vec![Stage::serve(&new)]).await;
    assert_eq!(backlog.instances.len(), 1);
    old.seen.gate.add_permits(1);
    stage.control.drained(&old.id).await;
    assert_eq!(answer.await.unwrap().0, 200);
    let of_old = stage.counted_of(&old, |_| true).await;
    assert_eq!(of_old.traffic.served, 1);
    stage.counted("only the new one", |_| true).await;
    let counters = stage.control.counters().await;
    assert!(counters.instances.iter().all(|one| one.instance != old.id), "{counters:?}");
}

#[tokio::test]
async fn shares_follow_the_weights() {
    let mut stage = Stage::new().await;
    let (light, heavy) = (Instance::unix(1), Instance::unix(2));
    let mut heavier = Stage::serve(&heavy);
    heavier.duty = Duty::Serve { weight: 9 };
    stage.route_to(vec![Stage::serve(&light), heavier]).await;
    let mut client = stage.client().await;
    for _ in 0..300 {
        client.get("/").await;
    }
    let (light, heavy) = (light.seen.requests(), heavy.seen.requests());
    assert!(light > 0 && heavy > light * 3, "{light} {heavy}");
}

#[tokio::test]
async fn connections_are_reused_and_shared_between_workers() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(stage.client().await);
    }
    for _ in 0..10 {
        for client in &mut clients {
            assert_eq!(client.get("/").await.0, 200);
        }
    }
    // One request at a time: one connection for each worker that has clients, and both have some.
    assert_eq!(one.seen.connections(), 2);
}
