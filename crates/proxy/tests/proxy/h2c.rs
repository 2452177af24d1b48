//! Instances that speak HTTP/2 in clear text.

use crate::frames::{
    ACK, DATA, GOAWAY, HEADERS, PING, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, fields, frame, get,
};
use crate::http2_client::{Client, by_hand, of};
use crate::instance::{Instance, Seen};
use crate::stage::{Stage, request, soon, until};
use gapless_model::release::AppProtocol;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame};
use hyper::{HeaderMap, Request};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

async fn stage() -> (Stage, Instance) {
    // One worker: what is shared is then countable.
    let mut stage = Stage::with_workers(1).await;
    let one = Instance::h2c(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

#[tokio::test]
async fn clients_of_both_kinds_are_served_over_one_connection() {
    let (mut stage, one) = stage().await;
    let (mut old, new) = (stage.client().await, Client::connect(stage.address).await);
    let gated: Vec<_> = (0..50).map(|_| tokio::spawn(new.begin(of("GET", "/gate", "")))).collect();
    until("all are there", || one.seen.requests() == 50).await;
    assert_eq!(old.get("/old").await, (200, "1 /old".into()));
    assert_eq!(new.get("/new").await, (200, "1 /new".into()));
    one.seen.gate.add_permits(50);
    for answer in gated {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    for status in [204, 304, 503] {
        assert_eq!(old.get(&format!("/status?{status}")).await, (status, String::new()));
        assert_eq!(new.get(&format!("/status?{status}")).await, (status, String::new()));
    }
    assert_eq!(old.send(request("HEAD", "/abc", "")).await.unwrap().headers()["content-length"], "6");
    for size in [0, 1, 1000, 100_000, 3_000_000] {
        let body: String = (0..size).map(|n: usize| char::from(b'a' + (n % 23) as u8)).collect();
        let (status, echo) = old.post("/echo", &body).await;
        assert!(status == 200 && echo == body, "{size}");
        let echo = new.begin(of("POST", "/echo", &body)).await.unwrap().collect().await.unwrap().to_bytes();
        assert!(echo == body.as_bytes(), "{size}");
    }
    let (status, large) = new.get("/large?5000000").await;
    assert_eq!((status, large.len()), (200, 5_000_000));
    assert_eq!(old.get("/large?5000000").await.1.len(), 5_000_000);
    assert_eq!(one.seen.connections(), 1);
    let counted = stage.counted("all", |app| app.traffic.served == 71).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
}

#[tokio::test]
async fn fields_and_trailers_pass() {
    let (stage, _one) = stage().await;
    let mut old = stage.client().await;
    let mut asked = request("GET", "/headers?x=y", "");
    for (name, value) in
        [("connection", "x-secret, upgrade"), ("x-secret", "1"), ("upgrade", "h2c"), ("x-own", "1")]
    {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = old.send(asked).await.unwrap();
    let seen = std::str::from_utf8(answer.body()).unwrap();
    assert!(seen.contains("x-own: 1") && seen.contains("x-forwarded-host: example.com"), "{seen}");
    assert!(!seen.contains("secret") && !seen.contains("upgrade") && !seen.contains("transfer"), "{seen}");
    // Trailers of an answer, to both kinds of clients.
    let chunked =
        stage.raw("GET /trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close\r\n\r\n").await;
    assert!(chunked.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{chunked}");
    let new = Client::connect(stage.address).await;
    let answer = new.begin(of("GET", "/trailers", "")).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["x-sum"], "7");
    // And of a request, echoed.
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
                   Trailer: x-check\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nx-check: 9\r\n\r\n";
    let echo = stage.raw(chunked).await;
    assert!(echo.contains("hello"), "{echo}");
    let (body, asked) = by_hand("/echo");
    let answer = tokio::spawn(new.begin(asked));
    body.send(Frame::data(Bytes::from("hello"))).await.unwrap();
    let trailers: HeaderMap = [("x-check".parse().unwrap(), "9".parse().unwrap())].into_iter().collect();
    body.send(Frame::trailers(trailers)).await.unwrap();
    let echo = answer.await.unwrap().unwrap().collect().await.unwrap();
    assert_eq!(echo.trailers().unwrap()["x-check"], "9");
}

#[tokio::test]
async fn bodies_flow_both_ways_at_once() {
    let (stage, _one) = stage().await;
    let client = Client::connect(stage.address).await;
    let (body, asked) = by_hand("/echo");
    let mut answer = client.begin(asked).await.unwrap().into_body();
    for n in 0..100 {
        body.send(Frame::data(Bytes::from(format!("word {n}")))).await.unwrap();
        let echo = soon("the echo", answer.frame()).await.unwrap().unwrap();
        assert_eq!(echo.into_data().unwrap(), format!("word {n}"));
    }
    drop(body);
    assert_eq!(soon("the end", answer.collect()).await.unwrap().to_bytes(), "");
}

#[tokio::test]
async fn slow_clients_do_not_hold_up_others_and_cost_little() {
    let (stage, one) = stage().await;
    let slow = Client::connect(stage.address).await;
    let mut answers = Vec::new();
    for _ in 0..64 {
        // Nobody reads them.
        answers.push(slow.begin(of("GET", "/large?100000000", "")).await.unwrap());
    }
    let other = Client::connect(stage.address).await;
    assert_eq!(other.get("/large?3000000").await.1.len(), 3_000_000);
    assert_eq!(one.seen.connections(), 1);
}

#[tokio::test]
async fn a_request_taken_back_is_taken_back_from_the_instance() {
    let (mut stage, one) = stage().await;
    let client = Client::connect(stage.address).await;
    let (body, asked) = by_hand("/echo");
    let echo = client.begin(asked).await.unwrap();
    drop((body, echo));
    let taken_back = tokio::spawn(client.begin(of("GET", "/gate", "")));
    until("it is there", || one.seen.requests() == 2).await;
    taken_back.abort();
    stage.counted("the client's going", |app| app.traffic.client_gone >= 1).await;
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until("one of the other kind", || one.seen.requests() == 3).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    stage.counted("its going", |app| app.traffic.client_gone >= 2).await;
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
    assert_eq!((client.get("/still").await.0, one.seen.connections()), (200, 1));
}

#[tokio::test]
async fn a_retired_instance_finishes_and_its_connection_is_closed() {
    let (mut stage, one) = stage().await;
    let two = Instance::h2c(2);
    let client = Client::connect(stage.address).await;
    let (body, asked) = by_hand("/echo");
    let mut echo = client.begin(asked).await.unwrap().into_body();
    stage.route_to(vec![Stage::finish(&one), Stage::serve(&two)]).await;
    assert_eq!(client.get("/x").await, (200, "2 /x".into()));
    for word in ["still", "here"] {
        body.send(Frame::data(Bytes::from(word))).await.unwrap();
        assert_eq!(soon("the echo", echo.frame()).await.unwrap().unwrap().into_data().unwrap(), word);
    }
    assert_eq!(stage.control.backlog[&one.id].requests, 1);
    drop(body);
    assert_eq!(soon("the end", echo.collect()).await.unwrap().to_bytes(), "");
    stage.control.drained(&one.id).await;
    until("the connection is closed", || one.seen.closed() == 1).await;
}

#[tokio::test]
async fn more_requests_than_a_connection_takes_get_another() {
    let mut stage = Stage::with_workers(1).await;
    let one = Instance::h2c_by(1, |server| {
        server.max_concurrent_streams(10);
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    client.get("/first").await;
    let gated: Vec<_> = (0..35).map(|_| tokio::spawn(client.begin(of("GET", "/gate", "")))).collect();
    until("all are there", || one.seen.requests() == 36).await;
    assert_eq!(one.seen.connections(), 4);
    one.seen.gate.add_permits(35);
    for answer in gated {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn an_instance_that_is_gone_is_not_asked_and_one_that_dies_is_not_asked_twice() {
    let mut stage = Stage::with_workers(1).await;
    let (mut one, two) = (Instance::h2c(1), Instance::h2c(2));
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    client.get("/").await;
    stage.route_to(vec![Stage::serve(&one), Stage::serve(&two)]).await;
    let post = tokio::spawn(client.begin(of("POST", "/gate", "x")));
    until("it is somewhere", || one.seen.requests() + two.seen.requests() == 2).await;
    let on_one = one.seen.requests() == 2;
    one.kill().await;
    if on_one {
        assert_eq!(post.await.unwrap().unwrap().status(), 502, "it may have been executed");
    } else {
        two.seen.gate.add_permits(1);
        assert_eq!(post.await.unwrap().unwrap().status(), 200);
    }
    for _ in 0..20 {
        assert_eq!(client.get("/a").await, (200, "2 /a".into()));
        assert_eq!(client.begin(of("POST", "/echo", "x")).await.unwrap().status(), 200);
    }
}

/// Settings, and what came until a request was complete. Its stream's number.
async fn greet(stream: &mut UnixStream) -> io::Result<u32> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    next_request(stream).await
}

async fn next_request(stream: &mut UnixStream) -> io::Result<u32> {
    next(stream, HEADERS).await.map(|(id, _)| id)
}

/// How many bytes of a body come next.
async fn next_data(stream: &mut UnixStream) -> io::Result<usize> {
    next(stream, DATA).await.map(|(_, payload)| payload.len())
}

/// The next frame of this kind. An error if the stream is reset instead.
async fn next(stream: &mut UnixStream, kind: u8) -> io::Result<(u32, Vec<u8>)> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await?;
        if head[3] == PING && head[4] & ACK == 0 {
            stream.write_all(&frame(PING, ACK, 0, &payload)).await?;
        }
        if head[3] == RST_STREAM {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if head[3] == kind {
            return Ok((u32::from_be_bytes(head[5..].try_into().unwrap()), payload));
        }
    }
}

/// `:status: 204`, and the end.
fn no_content(stream: u32) -> Vec<u8> {
    frame(HEADERS, crate::frames::END_HEADERS | crate::frames::END_STREAM, stream, &[0x89])
}

fn by_frames<F: Future<Output = io::Result<()>> + Send + 'static>(
    number: u32,
    script: impl Fn(usize, UnixStream, Arc<Seen>) -> F + Send + Sync + 'static,
) -> Instance {
    let mut instance = Instance::scripted(number, script);
    instance.protocol = AppProtocol::H2c;
    instance
}

#[tokio::test]
async fn what_the_instance_has_not_looked_at_is_sent_again() {
    // Takes one request on each connection, and says good-bye to the next one without having looked at it.
    let one = by_frames(1, |_, mut stream, seen| async move {
        let first = greet(&mut stream).await?;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        stream.write_all(&no_content(first)).await?;
        next_request(&mut stream).await?;
        let goodbye = [first.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        stream.write_all(&frame(GOAWAY, 0, 0, &goodbye)).await?;
        while stream.read(&mut [0; 4096]).await? > 0 {}
        Ok(())
    });
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    for _ in 0..20 {
        assert_eq!(client.post("/", "not idempotent").await.0, 204);
    }
    let counted = stage.counted("all", |app| app.traffic.served == 20).await;
    assert_eq!(counted.traffic.failed, 0);
    assert_eq!(one.seen.requests(), 20);
}

#[tokio::test]
async fn what_the_instance_refuses_goes_to_another() {
    let one = by_frames(1, |_, mut stream, seen| async move {
        let mut id = greet(&mut stream).await?;
        loop {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            // REFUSED_STREAM.
            stream.write_all(&frame(RST_STREAM, 0, id, &7_u32.to_be_bytes())).await?;
            id = next_request(&mut stream).await?;
        }
    });
    let two = Instance::h2c(2);
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one), Stage::serve(&two)]).await;
    let mut client = stage.client().await;
    for _ in 0..20 {
        assert_eq!(client.post("/echo", "not idempotent").await, (200, "not idempotent".into()));
    }
    assert!(one.seen.requests() > 0);
}

#[tokio::test]
async fn an_early_answer_to_an_upload_reaches_the_client() {
    // Answers, and then says that it does not want the rest (RFC 9113 section 8.1).
    let one = by_frames(1, |_, mut stream, _| async move {
        let mut id = greet(&mut stream).await?;
        loop {
            stream.write_all(&no_content(id)).await?;
            stream.write_all(&frame(RST_STREAM, 0, id, &0_u32.to_be_bytes())).await?;
            id = next_request(&mut stream).await?;
        }
    });
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    let body = Full::new(Bytes::from(vec![b'z'; 8 << 20])).boxed();
    let answer = client.begin(Request::post("http://example.com/").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 204);
    let mut old = stage.client().await;
    assert_eq!(old.post("/", &"z".repeat(100_000)).await.0, 204);
}

#[tokio::test]
async fn the_last_of_an_upload_is_sent_after_the_answer_has_begun() {
    /// What an instance takes in before it says that it takes more.
    const WINDOW: usize = 65_535;
    let one = by_frames(1, |_, mut stream, seen| async move {
        let id = greet(&mut stream).await?;
        let mut taken = 0;
        while taken < WINDOW {
            taken += next_data(&mut stream).await?;
        }
        // `:status: 200`, and more to come.
        stream.write_all(&frame(HEADERS, crate::frames::END_HEADERS, id, &[0x88])).await?;
        seen.gate.acquire().await.unwrap().forget();
        for of in [0, id] {
            stream.write_all(&frame(WINDOW_UPDATE, 0, of, &(1_u32 << 20).to_be_bytes())).await?;
        }
        while taken < WINDOW + 500 {
            taken += next_data(&mut stream).await?;
        }
        stream.write_all(&frame(DATA, crate::frames::END_STREAM, id, b"got it")).await?;
        while stream.read(&mut [0; 4096]).await? > 0 {}
        Ok(())
    });
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    let answer = client.begin(of("POST", "/", &"x".repeat(WINDOW + 500))).await.unwrap();
    // All was read from the client, and the last bytes wait for the instance.
    one.seen.gate.add_permits(1);
    assert_eq!(soon("the answer", answer.collect()).await.unwrap().to_bytes(), "got it");
}

#[tokio::test]
async fn a_client_that_goes_with_the_last_byte_has_been_served() {
    // Says late that the last byte was the last.
    let one = by_frames(1, |_, mut stream, seen| async move {
        let mut id = greet(&mut stream).await?;
        loop {
            let head = [&[0x88][..], &fields(&[("content-length", "2")])].concat();
            stream.write_all(&frame(HEADERS, crate::frames::END_HEADERS, id, &head)).await?;
            stream.write_all(&frame(DATA, 0, id, b"ok")).await?;
            seen.gate.acquire().await.unwrap().forget();
            stream.write_all(&frame(DATA, crate::frames::END_STREAM, id, &[])).await?;
            id = next_request(&mut stream).await?;
        }
    });
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut old = stage.client().await;
    assert_eq!(old.get("/").await, (200, "ok".into()), "one of HTTP/1.1 does not wait for more");
    stage.counted("it", |app| app.traffic.served == 1).await;
    one.seen.gate.add_permits(1);
    assert_eq!(old.get("/").await, (200, "ok".into()));
    assert_eq!(one.seen.connections(), 1, "nothing was taken back");
    one.seen.gate.add_permits(1);
    let mut new = Raw::connect(stage.address).await;
    new.ask(1, &get("/")).await;
    assert_eq!(new.wait_for(DATA).await.unwrap().unwrap().payload, b"ok");
    drop(new);
    let counted = stage.counted("all", |app| app.traffic.served == 3).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
}

#[tokio::test]
async fn one_that_does_not_speak_it_is_said_to_answer_nonsense() {
    let mut one = Instance::unix(1);
    one.protocol = AppProtocol::H2c;
    let mut stage = Stage::with_workers(1).await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let (status, said) = stage.client().await.get("/").await;
    assert_eq!(status, 502, "{said}");
}
