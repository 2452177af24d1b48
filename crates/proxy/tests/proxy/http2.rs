//! Clients that speak HTTP/2.

use crate::frames::{DATA, END_STREAM, GOAWAY, HEADERS, RST_STREAM, Raw, fields, get};
use crate::http2_client::{Client, by_hand, of};
use crate::instance::{Instance, ok, read_head};
use crate::stage::{Stage, request, soon, until};
use crate::tls_client::{Hands, pair};
use gapless_model::route::HostPattern;
use gapless_routing::ToProxy;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame};
use hyper::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn stage() -> (Stage, Instance) {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let (mut stage, one) = stage().await;
    let client = Client::connect(stage.address).await;
    let gated: Vec<_> = (0..100).map(|_| tokio::spawn(client.begin(of("GET", "/gate", "")))).collect();
    until("all are there", || one.seen.requests() == 100).await;
    assert_eq!(client.get("/beside").await, (200, "1 /beside".into()));
    one.seen.gate.add_permits(100);
    for answer in gated {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    // The same listener takes what it took before.
    assert_eq!(stage.client().await.get("/old").await, (200, "1 /old".into()));
    let counted = stage.counted("all", |app| app.traffic.served == 102).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
}

#[tokio::test]
async fn methods_statuses_and_bodies() {
    let (stage, one) = stage().await;
    let client = Client::connect(stage.address).await;
    let head = client.begin(of("HEAD", "/abc", "")).await.unwrap();
    assert_eq!(head.headers()["content-length"], "6");
    assert!(head.collect().await.unwrap().to_bytes().is_empty());
    for status in [204, 304, 205, 503] {
        assert_eq!(client.get(&format!("/status?{status}")).await, (status, String::new()));
    }
    for size in [0, 1, 1000, 100_000, 3_000_000] {
        let body: String = (0..size).map(|n: usize| char::from(b'a' + (n % 23) as u8)).collect();
        let answer = client.begin(of("POST", "/echo", &body)).await.unwrap();
        let echo = soon("the echo", answer.collect()).await.unwrap().to_bytes();
        assert!(echo == body.as_bytes(), "{size}");
    }
    let (status, large) = client.get("/large?5000000").await;
    assert_eq!((status, large.len()), (200, 5_000_000));
    assert!(one.seen.connections() <= 2, "connections to instances are used again");
}

#[tokio::test]
async fn a_request_looks_like_one_of_http1_to_the_instance() {
    let (stage, _one) = stage().await;
    let client = Client::connect(stage.address).await;
    let mut request = of("POST", "/headers?x=y", "");
    for (name, value) in [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("te", "trailers"),
        ("x-own", "1"),
        ("x-gapless-client", "9.9.9.9"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let answer = client.begin(request).await.unwrap();
    assert!(answer.headers().contains_key("x-request-id") && answer.headers().contains_key("date"));
    let body = answer.collect().await.unwrap().to_bytes();
    let seen = std::str::from_utf8(&body).unwrap();
    for line in ["cookie: a=1; b=2", "host: example.com", "te: trailers", "content-length: 0", "x-own: 1"] {
        assert!(seen.lines().any(|seen| seen == line), "{line} in {seen}");
    }
    assert!(!seen.contains("9.9.9.9") && seen.contains("x-forwarded-for: 127.0.0.1"), "{seen}");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        let mut request = read_head(&mut stream).await?;
        while !request.contains("x-check: 9\r\n\r\n") {
            let mut more = [0; 1024];
            let n = stream.read(&mut more).await?;
            assert!(n > 0, "{request}");
            request += std::str::from_utf8(&more[..n]).unwrap();
        }
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n").as_bytes()).await
    });
    let mut stage = Stage::new().await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    let (body, request) = by_hand("/");
    let answer = tokio::spawn(client.begin(request));
    body.send(Frame::data(Bytes::from("hello"))).await.unwrap();
    let trailers: HeaderMap = [("x-check".parse().unwrap(), "9".parse().unwrap())].into_iter().collect();
    body.send(Frame::trailers(trailers)).await.unwrap();
    drop(body);
    let answer = answer.await.unwrap().unwrap().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["x-sum"], "7");
    assert_eq!(answer.to_bytes(), "body");
}

#[tokio::test]
async fn bodies_flow_both_ways_at_once() {
    let (stage, _one) = stage().await;
    let client = Client::connect(stage.address).await;
    let (body, request) = by_hand("/echo");
    let mut answer = client.begin(request).await.unwrap().into_body();
    for word in ["one", "two", "three"] {
        body.send(Frame::data(Bytes::from(word))).await.unwrap();
        let echo = soon("the echo", answer.frame()).await.unwrap().unwrap();
        assert_eq!(echo.into_data().unwrap(), word);
    }
    drop(body);
    assert_eq!(soon("the end", answer.collect()).await.unwrap().to_bytes(), "");
}

#[tokio::test]
async fn a_client_that_takes_a_request_back_ends_it_and_nothing_else() {
    let (mut stage, one) = stage().await;
    let client = Client::connect(stage.address).await;
    let other = tokio::spawn(client.begin(of("GET", "/gate", "")));
    until("one is there", || one.seen.requests() == 1).await;
    let taken_back = tokio::spawn(client.begin(of("GET", "/gate", "")));
    until("both are there", || one.seen.requests() == 2).await;
    taken_back.abort();
    let counted = stage.counted("the client's going", |app| app.traffic.client_gone == 1).await;
    assert_eq!(counted.traffic.failed, 0);
    stage.counted_of(&one, |one| one.in_flight.requests == 1).await;
    // The one that was taken back may have got a permit before it was.
    one.seen.gate.add_permits(2);
    assert_eq!(other.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_that_breaks_off_resets_its_stream_alone() {
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        let head = read_head(&mut stream).await?;
        if head.starts_with("GET /cut ") {
            return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
        }
        stream.write_all(ok("whole").as_bytes()).await
    });
    let mut stage = Stage::new().await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    for _ in 0..3 {
        // The reset may overtake the head.
        if let Ok(answer) = client.begin(of("GET", "/cut", "")).await {
            soon("the cut", answer.collect()).await.unwrap_err();
        }
        assert_eq!(client.get("/").await, (200, "whole".into()));
    }
    let counted = stage.counted("three", |app| app.traffic.failed == 3).await;
    assert_eq!(counted.traffic.served, 3);
}

#[tokio::test]
async fn an_early_answer_to_an_upload_reaches_the_client() {
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nless";
        stream.write_all(answer).await
    });
    let mut stage = Stage::new().await;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let client = Client::connect(stage.address).await;
    for _ in 0..3 {
        let body = Full::new(Bytes::from(vec![b'z'; 8 << 20])).boxed();
        let request = Request::post("http://example.com/").body(body).unwrap();
        let answer = client.begin(request).await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(soon("the body", answer.collect()).await.unwrap().to_bytes(), "less");
    }
}

#[tokio::test]
async fn a_host_that_nobody_serves_is_misdirected() {
    let (mut stage, _one) = stage().await;
    stage.snapshot.routes[0].host = Some("served.example".parse::<HostPattern>().unwrap());
    stage.snapshot.routes[0].path = "/app".into();
    stage.apply().await;
    let client = Client::connect(stage.address).await;
    for (uri, host, status) in [
        ("http://other.example/app", None, StatusCode::MISDIRECTED_REQUEST),
        ("http://served.example/other", None, StatusCode::NOT_FOUND),
        ("http://served.example/app", Some("other.example"), StatusCode::BAD_REQUEST),
        ("http://served.example/app", None, StatusCode::OK),
        ("http://Served.Example:80/app", Some("served.example:80"), StatusCode::OK),
    ] {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = client.begin(request.body(Full::default().boxed()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{uri} {host:?}");
    }
    assert_eq!(stage.client().await.send(request("GET", "/app", "")).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_closed_listener_says_goodbye_and_finishes_what_has_begun() {
    let (mut stage, one) = stage().await;
    let idle = Client::connect(stage.address).await;
    idle.get("/").await;
    let busy = Client::connect(stage.address).await;
    let gated: Vec<_> = (0..10).map(|_| tokio::spawn(busy.begin(of("GET", "/gate", "")))).collect();
    let (upload, request) = by_hand("/echo");
    let echo = tokio::spawn(busy.begin(request));
    until("all are there", || one.seen.requests() == 12).await;

    stage.snapshot.listeners.clear();
    stage.snapshot.routes.clear();
    stage.apply().await;
    idle.ends_well().await;
    one.seen.gate.add_permits(10);
    for answer in gated {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.collect().await.unwrap().to_bytes(), "through");
    }
    // One that takes its time is waited for.
    let mut echo = echo.await.unwrap().unwrap().into_body();
    for _ in 0..3 {
        upload.send(Frame::data(Bytes::from("more"))).await.unwrap();
        assert_eq!(soon("more", echo.frame()).await.unwrap().unwrap().into_data().unwrap(), "more");
    }
    drop(upload);
    assert_eq!(soon("the end", echo.collect()).await.unwrap().to_bytes(), "");
    busy.ends_well().await;
}

#[tokio::test]
async fn the_goodbye_is_one_that_loses_nothing_on_its_way() {
    let (mut stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    raw.ask(1, &get("/gate")).await;
    until("it is there", || one.seen.requests() == 1).await;
    stage.snapshot.listeners.clear();
    stage.snapshot.routes.clear();
    stage.apply().await;
    // First a warning that names no last stream (RFC 9113 section 6.8): what crosses it on the way is taken.
    let warning = raw.wait_for(GOAWAY).await.unwrap().unwrap();
    assert_eq!((warning.code(), &warning.payload[..4]), (0, &[0x7f, 0xff, 0xff, 0xff][..]));
    raw.ask(3, &get("/gate")).await;
    one.seen.gate.add_permits(2);
    let mut answered = 0;
    let mut last = None;
    while let Some(frame) = raw.next().await.unwrap() {
        match frame.kind {
            HEADERS | DATA => answered += u32::from(frame.flags & END_STREAM != 0),
            GOAWAY => last = Some((frame.code(), frame.payload[3])),
            RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
    assert_eq!((answered, last), (2, Some((0, 3))));
}

#[tokio::test]
async fn shutdown_says_goodbye_and_finishes_what_has_begun() {
    let (mut stage, one) = stage().await;
    let idle = Client::connect(stage.address).await;
    idle.get("/").await;
    let busy = Client::connect(stage.address).await;
    let gated = tokio::spawn(busy.begin(of("GET", "/gate", "")));
    until("it is there", || one.seen.requests() == 2).await;
    stage.control.sender.send(&ToProxy::Shutdown { within: 15_000 }, &[]).await.unwrap();
    idle.ends_well().await;
    one.seen.gate.add_permits(1);
    let answer = gated.await.unwrap().unwrap();
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "through");
    busy.ends_well().await;
    soon("the end of the link", async { while let Ok(Some(_)) = stage.control.receiver.recv().await {} })
        .await;
}

#[tokio::test]
async fn within_tls_it_is_agreed_on() {
    let (mut stage, one) = stage().await;
    stage.secure(vec![pair(&["a.test"])]).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let hands = Hands::new(&[version]).offering("h2");
        let client = Client::on(hands.shake(stage.address, "a.test").await.unwrap()).await;
        let gated = tokio::spawn(client.begin(of("GET", "/gate", "")));
        let (_, seen) = client.get("/headers").await;
        assert!(seen.contains("x-forwarded-proto: https\n"), "{seen}");
        let body = "x".repeat(300_000);
        let answer = client.begin(of("POST", "/echo", &body)).await.unwrap();
        assert_eq!(answer.collect().await.unwrap().to_bytes(), body);
        one.seen.gate.add_permits(1);
        assert_eq!(gated.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn the_preface_may_come_in_pieces() {
    let (stage, _one) = stage().await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let settings = crate::frames::frame(crate::frames::SETTINGS, 0, 0, &[]);
    for byte in [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut raw = Raw { stream };
    raw.ask(1, &fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "h")])).await;
    assert_eq!(raw.wait_for(DATA).await.unwrap().unwrap().payload, b"1 /");
}
