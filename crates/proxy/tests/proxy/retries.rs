//! What is sent again, and what is not.

use crate::instance::{Instance, ok, read_head};
use crate::stage::{Stage, request, until};
use gapless_routing::{Backend, Duty};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn an_instance_that_is_not_there_costs_nothing() {
    let mut stage = Stage::new().await;
    let (absent, there) = (Instance::absent(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&absent), Stage::serve(&there)]).await;
    let mut client = stage.client().await;
    for n in 0..20 {
        assert_eq!(client.get("/").await, (200, "2 /".into()), "{n}");
        assert_eq!(client.post("/length", "abc").await, (200, "3".into()), "{n}");
    }
    let counted = stage.counted("all", |app| app.traffic.served == 40).await;
    assert!(counted.traffic.retried > 0 && counted.traffic.failed == 0, "{counted:?}");
}

#[tokio::test]
async fn the_only_instance_is_asked_again_until_it_is_back() {
    let mut stage = Stage::new().await;
    let absent = Instance::absent(1);
    stage.route_to(vec![Stage::serve(&absent)]).await;
    let mut client = stage.client().await;
    let answer = tokio::spawn(async move { client.post("/length", "abcd").await });
    stage.counted("held", |app| app.holding == 1).await;
    let _back = Instance::at(1, &absent.address);
    assert_eq!(answer.await.unwrap(), (200, "4".into()));
    let counted = stage.counted("served", |app| app.traffic.served == 1).await;
    assert_eq!((counted.traffic.held, counted.holding, counted.traffic.failed), (1, 0, 0));
    assert!(counted.longest_stall_ms < 20_000);
}

/// Answers the first request on each connection and closes when the next one is there.
fn closes_on_the_second(number: u32) -> Instance {
    Instance::scripted(number, |_, mut stream, seen| async move {
        read_head(&mut stream).await?;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        stream.write_all(ok("once").as_bytes()).await?;
        read_head(&mut stream).await?;
        Ok(())
    })
}

#[tokio::test]
async fn a_get_on_a_connection_that_closes_is_sent_on_a_new_one() {
    let mut stage = Stage::with_workers(1).await;
    let one = closes_on_the_second(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    for n in 0..10 {
        assert_eq!(client.get("/").await, (200, "once".into()), "{n}");
    }
    let counted = stage.counted("all", |app| app.traffic.served == 10).await;
    assert_eq!((counted.traffic.retried, counted.traffic.failed), (9, 0), "all but the first");
}

#[tokio::test]
async fn a_post_that_may_have_been_executed_is_not_sent_again_unless_it_may_be() {
    let mut stage = Stage::with_workers(1).await;
    let one = closes_on_the_second(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    assert_eq!(client.post("/", "a").await.0, 200);
    let (status, body) = client.post("/", "b").await;
    assert!(status == 502 && body.contains("not sent again"), "{status} {body}");
    assert!(client.is_kept().await, "the client's connection has nothing to do with it");
    // With a key it may be repeated, body and all.
    assert_eq!(client.post("/", "c").await.0, 200);
    let mut with_key = request("POST", "/", "d");
    with_key.headers_mut().insert("idempotency-key", "1".parse().unwrap());
    assert_eq!(client.send(with_key).await.unwrap().status(), 200);
    // By opt-in as well.
    stage.snapshot.apps[0].retry.non_idempotent = true;
    stage.apply().await;
    for _ in 0..4 {
        assert_eq!(client.post("/", "e").await.0, 200);
    }
    let counted = stage.counted("all", |app| app.traffic.served == 7).await;
    assert_eq!(counted.traffic.failed, 1);
}

#[tokio::test]
async fn a_post_does_not_meet_a_connection_that_was_closed_while_idle() {
    let mut stage = Stage::with_workers(1).await;
    // Closes each connection right after its answer, without saying so before.
    let one = Instance::scripted(1, |_, mut stream, seen| async move {
        read_head(&mut stream).await?;
        stream.write_all(ok("once").as_bytes()).await?;
        drop(stream);
        seen.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    for n in 0..50 {
        assert_eq!(client.post("/", "x").await, (200, "once".into()), "{n}");
        until("it has closed", || one.seen.requests() == n + 1).await;
    }
}

#[tokio::test]
async fn a_post_takes_a_new_connection_when_the_idle_one_is_not_young() {
    let mut stage = Stage::with_workers(1).await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    client.get("/").await;
    client.post("/length", "x").await;
    assert_eq!(one.seen.connections(), 1, "it was busy a moment ago");
    tokio::time::sleep(Duration::from_millis(550)).await;
    client.get("/").await;
    assert_eq!(one.seen.connections(), 1);
    tokio::time::sleep(Duration::from_millis(550)).await;
    client.post("/length", "x").await;
    assert_eq!(one.seen.connections(), 2);
}

#[tokio::test]
async fn a_get_survives_an_instance_that_dies_with_it() {
    let mut stage = Stage::new().await;
    let dying = Instance::scripted(1, |_, mut stream, seen| async move {
        read_head(&mut stream).await?;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let there = Instance::unix(2);
    stage.route_to(vec![Stage::serve(&dying), Stage::serve(&there)]).await;
    let mut client = stage.client().await;
    let mut posts_lost = 0;
    for _ in 0..30 {
        assert_eq!(client.get("/").await, (200, "2 /".into()));
        posts_lost += usize::from(client.post("/length", "x").await.0 == 502);
    }
    assert!(dying.seen.requests() > 0);
    assert!(posts_lost <= dying.seen.requests(), "only those that it had read");
}

/// Answers `/warm`, and closes the connection on which anything else comes; goes on listening, as a process does
/// in the middle of its death.
fn dies_of_all_but_warm(number: u32) -> Instance {
    Instance::scripted(number, |_, mut stream, seen| async move {
        while read_head(&mut stream).await?.contains(" /warm ") {
            stream.write_all(ok("warm").as_bytes()).await?;
        }
        seen.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    })
}

#[tokio::test]
async fn a_release_whose_instances_die_one_after_the_other_loses_nothing_that_may_be_repeated() {
    let mut stage = Stage::with_workers(1).await;
    let dying: Vec<_> = (1..=3).map(dies_of_all_but_warm).collect();
    let there = Instance::unix(4);
    // Idle instances are asked by weight: in this order, as good as always.
    let weight = |instance, weight| Backend { duty: Duty::Serve { weight }, ..Stage::serve(instance) };
    let all = [
        weight(&dying[0], 1_000_000_000),
        weight(&dying[1], 1_000_000),
        weight(&dying[2], 1_000),
        weight(&there, 1),
    ];
    let mut client = stage.client().await;
    let mut with_key = request("POST", "/length", "abc");
    with_key.headers_mut().insert("idempotency-key", "1".parse().unwrap());
    for (request, answer) in [
        (request("GET", "/", ""), "4 /"),
        (request("PUT", "/length", "abc"), "3"),
        (with_key, "3"),
        (request("POST", "/length", "abc"), "not sent again"),
    ] {
        // The first try is on a connection that was used before.
        stage.route_to(vec![Stage::serve(&dying[0])]).await;
        assert_eq!(client.get("/warm").await, (200, "warm".into()));
        stage.route_to(all.to_vec()).await;
        let response = client.send(request).await.unwrap();
        let body = String::from_utf8_lossy(response.body());
        assert!(body.contains(answer), "{body}");
    }
    // One must not be repeated.
    stage.counted("all", |app| (app.traffic.served, app.traffic.failed) == (7, 1)).await;
}

#[tokio::test]
async fn a_request_that_kills_whoever_gets_it_does_not_kill_all() {
    let mut stage = Stage::new().await;
    let dying = |number| {
        Instance::scripted(number, |_, mut stream, seen| async move {
            read_head(&mut stream).await?;
            seen.requests.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    };
    let all: Vec<_> = (1..=6).map(dying).collect();
    stage.route_to(all.iter().map(Stage::serve).collect()).await;
    let mut client = stage.client().await;
    assert_eq!(client.get("/").await.0, 502);
    assert_eq!(all.iter().map(|one| one.seen.requests()).sum::<usize>(), 4);
}

#[tokio::test]
async fn a_body_is_sent_again_whole_or_not_at_all() {
    let mut stage = Stage::with_workers(1).await;
    stage.snapshot.apps[0].retry.max_body = 1000;
    let dying = Instance::scripted(1, |n, mut stream, _| async move {
        let mut head = read_head(&mut stream).await?;
        if n == 0 {
            return Ok(());
        }
        while !head.ends_with("end") {
            let mut more = [0; 4096];
            let read = tokio::io::AsyncReadExt::read(&mut stream, &mut more).await?;
            head.push_str(&String::from_utf8_lossy(&more[..read]));
        }
        let body = head.split_once("\r\n\r\n").unwrap().1.len().to_string();
        stream.write_all(ok(&body).as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&dying)]).await;
    let mut client = stage.client().await;
    let body = format!("{}end", "x".repeat(900));
    let response = client.send(request("PUT", "/", &body)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, &b"903"[..]));

    let too_long = Instance::scripted(2, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&too_long)]).await;
    let body = format!("{}end", "x".repeat(1100));
    let response = client.send(request("PUT", "/", &body)).await.unwrap();
    assert_eq!(response.status(), 502);
}

#[tokio::test]
async fn nonsense_is_said_to_be_nonsense() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"220 smtp ready\r\n").await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let (status, body) = stage.client().await.get("/").await;
    assert!(status == 502 && body.contains("not HTTP"), "{status} {body}");
}

#[tokio::test]
async fn a_body_too_long_to_keep_is_sent_whole_if_nothing_of_it_was_written() {
    let mut stage = Stage::with_workers(1).await;
    stage.snapshot.apps[0].retry.max_body = 10;
    // Answers once, then listens no more on that connection without closing it: it looks idle and young.
    let one = Instance::scripted(1, |n, mut stream, seen| async move {
        let mut request = read_head(&mut stream).await?;
        if n == 0 {
            stream.write_all(ok("deaf from here on").as_bytes()).await?;
            let stream = stream.into_std()?;
            stream.shutdown(std::net::Shutdown::Read)?;
            seen.requests.fetch_add(1, Ordering::SeqCst);
            seen.gate.acquire().await.unwrap().forget();
            return Ok(());
        }
        while !request.ends_with("end") {
            let mut more = [0; 4096];
            let read = tokio::io::AsyncReadExt::read(&mut stream, &mut more).await?;
            request.push_str(&String::from_utf8_lossy(&more[..read]));
        }
        let length = request.split_once("\r\n\r\n").unwrap().1.len().to_string();
        stream.write_all(ok(&length).as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    assert_eq!(client.get("/").await.0, 200);
    until("it is deaf", || one.seen.requests() == 1).await;
    let body = format!("{}end", "x".repeat(200_000));
    assert_eq!(client.post("/", &body).await, (200, "200003".into()));
    assert_eq!(one.seen.connections(), 2);
}
