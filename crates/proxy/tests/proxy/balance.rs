//! Who is asked: those that fail are passed over, those that are new get less, and who wants to stays.

use crate::instance::Instance;
use crate::stage::{Client, Stage, request, soon, until};
use gapless_model::InstanceId;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A stage with one worker, `count` instances, and this much patience with failures.
async fn stage(count: u32, eject_after: Option<u32>) -> (Stage, Vec<Instance>) {
    let mut stage = Stage::with_workers(1).await;
    let instances: Vec<_> = (1..=count).map(Instance::unix).collect();
    stage.snapshot.apps[0].balance.eject_after = eject_after;
    stage.route_to(instances.iter().map(Stage::serve).collect()).await;
    (stage, instances)
}

/// Asks until the one instance has answered.
async fn until_asked(client: &mut Client, instance: &Instance) {
    let before = instance.seen.requests();
    soon("the instance to be asked", async {
        while instance.seen.requests() == before {
            client.get("/").await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_refuses_connections_is_ejected_and_comes_back() {
    let (mut stage, mut instances) = stage(4, None).await;
    let mut client = stage.client().await;
    until_asked(&mut client, &instances[0]).await;
    instances[0].kill().await;
    let mut asked = 0;
    // After each failure it is passed over for half a second anyway.
    while stage.control.counters().await.instances.iter().all(|one| one.ejections == 0) {
        assert_eq!(client.get("/").await.0, 200);
        asked += 1;
    }
    let ejected = stage.counted_of(&instances[0], |one| one.ejected.is_some()).await;
    let why = ejected.ejected.unwrap();
    assert!(why.why.starts_with("it could not be connected to several times in a row: "), "{why:?}");
    assert!(why.left_ms <= 5_000 && why.workers == 1, "{why:?}");

    let back = Instance::at(1, &instances[0].address);
    for _ in 0..50 {
        assert_eq!(client.get("/").await.0, 200);
        asked += 1;
    }
    assert_eq!(back.seen.requests(), 0, "it is there again, and its time is not over");
    until_asked(&mut client, &back).await;
    let all = stage.counted("all", |app| app.traffic.served > asked).await;
    assert_eq!(all.traffic.failed, 0);
    stage.counted_of(&back, |one| one.ejected.is_none() && one.ejections == 1).await;
}

#[tokio::test]
async fn an_instance_that_answers_500_is_ejected_and_comes_back() {
    let (mut stage, instances) = stage(4, Some(3)).await;
    let mut client = stage.client().await;
    let ill = &instances[2];
    ill.seen.ill.store(true, Ordering::SeqCst);
    let mut errors = 0;
    for _ in 0..500 {
        errors += usize::from(client.get("/").await.0 == 500);
    }
    assert_eq!((errors, ill.seen.requests()), (3, 3));
    let why = stage.counted_of(ill, |one| one.ejected.is_some()).await.ejected.unwrap().why;
    assert_eq!(why, "3 requests in a row failed, at last it answered with 500 Internal Server Error");
    // Still ill when it comes back: one failure is enough.
    until_asked(&mut client, ill).await;
    let again = stage.counted_of(ill, |one| one.ejections == 2).await;
    assert!(again.ejected.unwrap().left_ms > 5_000, "longer than the first time");
    assert_eq!(ill.seen.requests(), 4);
}

#[tokio::test]
async fn the_last_one_and_more_than_half_are_never_ejected() {
    let (mut stage, instances) = stage(3, Some(2)).await;
    let mut client = stage.client().await;
    instances.iter().for_each(|instance| instance.seen.ill.store(true, Ordering::SeqCst));
    for _ in 0..200 {
        assert_eq!(client.get("/").await.0, 500);
    }
    let out = ejected(&mut stage, 1).await;

    // One that is asked leaves: of the two that stay one is out already, and that is half.
    let out = instances.iter().find(|one| one.id == out[0]).unwrap();
    let other = instances.iter().find(|one| one.id != out.id).unwrap();
    stage.route_to(vec![Stage::serve(out), Stage::serve(other)]).await;
    assert_eq!(ejected(&mut stage, 1).await, vec![out.id.clone()]);
    // It is the last one: it is asked, whatever it was.
    stage.route_to(vec![Stage::serve(out)]).await;
    let before = out.seen.requests();
    assert_eq!(client.get("/").await.0, 500);
    assert_eq!(out.seen.requests(), before + 1);
    ejected(&mut stage, 0).await;
}

/// Those that are ejected, as soon as they are so many.
async fn ejected(stage: &mut Stage, count: usize) -> Vec<InstanceId> {
    soon("so many to be ejected", async {
        loop {
            let all = stage.control.counters().await.instances;
            let out: Vec<_> = all.into_iter().filter(|one| one.ejected.is_some()).collect();
            if out.len() == count {
                return out.into_iter().map(|one| one.instance).collect();
            }
        }
    })
    .await
}

#[tokio::test]
async fn without_the_key_answers_eject_nobody() {
    let (mut stage, instances) = stage(2, None).await;
    let mut client = stage.client().await;
    instances[0].seen.ill.store(true, Ordering::SeqCst);
    let mut errors = 0;
    for _ in 0..200 {
        errors += usize::from(client.get("/").await.0 == 500);
    }
    assert!((60..140).contains(&errors), "{errors}");
    stage.counted("all", |app| app.traffic.served == 200).await;
    assert_eq!(stage.counted_of(&instances[0], |_| true).await.ejections, 0);
}

/// The cookie that an answer sets, and its attributes.
fn cookie(answer: &hyper::Response<hyper::body::Bytes>) -> Option<(String, String)> {
    let line = answer.headers().get("set-cookie")?.to_str().unwrap();
    let (pair, attributes) = line.split_once("; ").unwrap();
    Some((pair.to_owned(), attributes.to_owned()))
}

#[tokio::test]
async fn a_client_stays_where_it_was_until_that_one_retires() {
    let (mut stage, instances) = stage(4, None).await;
    stage.snapshot.apps[0].balance.sticky = Some("at".into());
    stage.snapshot.routes[0].path = "/shop".into();
    stage.apply().await;
    let mut client = stage.client().await;
    let first = client.send(request("GET", "/shop", "")).await.unwrap();
    let (pair, attributes) = cookie(&first).unwrap();
    assert_eq!(attributes, "Path=/shop; HttpOnly; SameSite=Lax");
    let place = |body: &[u8]| usize::from(body[0] - b'0');
    let home = place(first.body());
    let with = |path: &str, pair: &str| {
        let mut request = request("GET", path, "");
        request.headers_mut().insert("cookie", format!("a=1; {pair}; b=2").parse().unwrap());
        request
    };
    for _ in 0..50 {
        let answer = client.send(with("/shop/x", &pair)).await.unwrap();
        assert_eq!((place(answer.body()), cookie(&answer)), (home, None));
    }

    // It retires: one answer by another, and the client stays there.
    let views = instances
        .iter()
        .map(|one| if one.seen.requests() > 0 { Stage::finish(one) } else { Stage::serve(one) });
    stage.route_to(views.collect()).await;
    let moved = client.send(with("/shop", &pair)).await.unwrap();
    assert_ne!(place(moved.body()), home);
    let (pair, _) = cookie(&moved).unwrap();
    for _ in 0..50 {
        let answer = client.send(with("/shop", &pair)).await.unwrap();
        assert_eq!((place(answer.body()), cookie(&answer)), (place(moved.body()), None));
    }
    // Nonsense is nobody's.
    let other = client.send(with("/shop", "at=nonsense")).await.unwrap();
    assert!(cookie(&other).is_some());
}

#[tokio::test]
async fn the_cookie_is_ours_and_a_secure_client_keeps_it_secret() {
    let (mut stage, _instances) = stage(1, None).await;
    stage.snapshot.apps[0].balance.sticky = Some("at".into());
    stage.apply().await;
    let mut client = stage.client().await;
    let mut request = request("GET", "/headers", "");
    request.headers_mut().insert("cookie", "a=1; at=0123; b=2".parse().unwrap());
    request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    let answer = client.send(request).await.unwrap();
    let seen = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(seen.contains("cookie: a=1; b=2\n"), "{seen}");
    let (_, attributes) = cookie(&answer).unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
}

#[tokio::test]
async fn a_new_instance_gets_its_share_little_by_little() {
    const WARM: Duration = Duration::from_secs(1);
    let began = Instant::now();
    let (mut stage, mut instances) = stage(1, None).await;
    stage.snapshot.apps[0].balance.slow_start = WARM;
    stage.apply().await;
    let mut client = stage.client().await;
    until("the first one is warm", || began.elapsed() > WARM + WARM / 2).await;
    instances.push(Instance::unix(2));
    stage.route_to(instances.iter().map(Stage::serve).collect()).await;
    let mut of_the_new = async || {
        let before = instances[1].seen.requests();
        for _ in 0..100 {
            assert_eq!(client.get("/").await.0, 200);
        }
        instances[1].seen.requests() - before
    };
    let first = of_the_new().await;
    assert!(first < 35, "{first} of 100");
    soon("its whole share", async { while of_the_new().await < 40 {} }).await;
}
