//! Bodies of all kinds, both ways.

use crate::instance::{Instance, ok, read_head};
use crate::stage::{Stage, request, soon};
use http_body_util::BodyExt;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn methods_and_statuses_that_have_no_body() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    let response = client.send(request("HEAD", "/abc", "")).await.unwrap();
    assert_eq!((response.headers()["content-length"].to_str().unwrap(), response.body().len()), ("6", 0));
    for status in [204, 304, 205] {
        assert_eq!(client.get(&format!("/status?{status}")).await, (status, String::new()));
    }
    assert_eq!(client.get("/status?503").await.0, 503);
    assert_eq!(client.post("/length", "").await, (200, "0".into()));
    assert_eq!(one.seen.connections(), 1, "one connection for all of them");
    let counted = stage.counted("six", |app| app.traffic.served == 6).await;
    assert_eq!((counted.traffic.served_5xx, counted.traffic.failed), (1, 0));
}

#[tokio::test]
async fn bodies_are_echoed_whole() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    for size in [1, 1000, 100_000, 3_000_000] {
        let body: String = (0..size).map(|n: usize| char::from(b'a' + (n % 23) as u8)).collect();
        let (status, echo) = client.post("/echo", &body).await;
        assert!(status == 200 && echo == body, "{size}");
    }
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = stage.raw(chunked).await;
    assert!(answer.contains("transfer-encoding: chunked") && answer.contains("hello"), "{answer}");
    let get_with_body = "GET /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   5\r\nhello\r\n0\r\n\r\n";
    assert!(stage.raw(get_with_body).await.contains("hello"));
}

#[tokio::test]
async fn an_old_client_gets_a_body_of_unknown_length_until_the_end() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let answer = stage.raw("GET /large?200000 HTTP/1.0\r\nHost: x\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked") && body.len() == 200_000, "{head}");
}

#[tokio::test]
async fn trailers_pass() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let answer =
        stage.raw("GET /trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_told_to_go_on() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    soon("100", stream.read_exact(&mut go_on)).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    let mut rest = String::new();
    soon("the answer", stream.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK") && rest.ends_with("\r\n\r\n3"), "{rest}");
}

#[tokio::test]
async fn an_answer_whose_trailers_come_before_the_end_of_its_request_is_served() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(b"2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n").await?;
        while stream.read(&mut [0; 4096]).await? > 0 {}
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nContent-Length: 3\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n0\r\nx-sum: 7\r\n\r\n") {
        assert!(soon("the answer", client.read_buf(&mut answer)).await.unwrap() > 0);
    }
    let counted = stage.counted("it", |app| app.traffic.served + app.traffic.client_gone == 1).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
}

const EXPECTING: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
const GO_ON: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[tokio::test]
async fn it_is_the_instance_that_says_100() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, seen| async move {
        let head = read_head(&mut stream).await?;
        assert!(head.contains("expect: 100-continue"), "{head}");
        seen.requests.fetch_add(1, Ordering::SeqCst);
        seen.gate.acquire().await.unwrap().forget();
        stream.write_all(GO_ON).await?;
        stream.read_exact(&mut [0; 3]).await?;
        stream.write_all(ok("thanks").as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    client.write_all(EXPECTING.as_bytes()).await.unwrap();
    crate::stage::until("the request is there", || one.seen.requests() == 1).await;
    let silent = client.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    one.seen.gate.add_permits(1);
    let mut go_on = [0; 25];
    soon("100", client.read_exact(&mut go_on)).await.unwrap();
    assert_eq!(&go_on, GO_ON);
    client.write_all(b"abc").await.unwrap();
    client.shutdown().await.unwrap();
    let mut rest = String::new();
    soon("the answer", client.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK") && rest.ends_with("\r\n\r\nthanks"), "{rest}");
}

#[tokio::test]
async fn a_body_that_the_instance_does_not_want_is_not_asked_for() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless").await?;
        // Whatever comes now would be taken for a body.
        assert_eq!(stream.read(&mut [0; 1]).await?, 0);
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    client.write_all(EXPECTING.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the answer, and the end", client.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("\r\n\r\nless"), "{answer}");
    let counted = stage.counted("it", |app| app.traffic.served == 1).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
}

#[tokio::test]
async fn an_instance_that_never_says_100_gets_the_body_all_the_same() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream.read_exact(&mut [0; 3]).await?;
        stream.write_all(ok("thanks").as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    client.write_all(EXPECTING.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    soon("100", client.read_exact(&mut go_on)).await.unwrap();
    client.write_all(b"abc").await.unwrap();
    client.shutdown().await.unwrap();
    let mut rest = String::new();
    soon("the answer", client.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.ends_with("\r\n\r\nthanks"), "{rest}");
}

/// Resident memory of this process (the proxy runs in it) in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn a_large_answer_to_a_slow_client_takes_little_memory() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let size = 256 * 1024 * 1024;
    let before = resident();
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let get = format!("GET /large?{size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut got = 0;
    let mut most = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match soon("more", stream.read(&mut buffer)).await.unwrap() {
            0 => break,
            n => got += n,
        }
        most = most.max(resident());
    }
    assert!(got > size, "{got}");
    assert!(most < before + 24 * 1024 * 1024, "{} MiB more", (most - before) >> 20);
}

#[tokio::test]
async fn a_large_request_takes_little_memory() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let size = 128 * 1024 * 1024;
    let before = resident();
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head =
        format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'y'; 256 * 1024];
    let mut most = 0;
    for _ in 0..size / chunk.len() {
        soon("room", stream.write_all(&chunk)).await.unwrap();
        most = most.max(resident());
    }
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with(&size.to_string()), "{answer}");
    assert!(most < before + 24 * 1024 * 1024, "{} MiB more", (most - before) >> 20);
}

#[tokio::test]
async fn an_early_answer_to_an_upload_reaches_the_client() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nless")
            .await
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let size = 8 * 1024 * 1024;
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'z'; 64 * 1024];
    for _ in 0..size / chunk.len() {
        soon("room", stream.write_all(&chunk)).await.expect("the proxy reads on");
    }
    // And the connection goes on with the next request.
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("two answers", stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 413 ").count(), 2, "{answer}");
    let counted = stage.counted("both", |app| app.traffic.served == 2).await;
    assert_eq!((counted.traffic.failed, counted.traffic.client_gone), (0, 0));
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answer() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    crate::stage::until("the request is there", || one.seen.requests() == 1).await;
    one.seen.gate.add_permits(1);
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("through"), "{answer}");
}

#[tokio::test]
async fn a_client_that_resets_ends_its_request() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    crate::stage::until("the request is there", || one.seen.requests() == 1).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    let counted = stage.counted("the client's going", |app| app.traffic.client_gone == 1).await;
    assert_eq!(counted.traffic.failed, 0);
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_complete() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |n, mut stream, _| async move {
        read_head(&mut stream).await?;
        let head = ["content-length: 10", "transfer-encoding: chunked"][n % 2];
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n3\r\nabc\r\n").as_bytes()).await?;
        // Dropped: the connection ends.
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    for version in ["1.1", "1.1", "1.0", "1.0"] {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        let get = format!("GET / HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(get.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = soon("the end", stream.read_to_end(&mut answer)).await;
        assert!(end.is_err(), "{version}: {}", String::from_utf8_lossy(&answer));
    }
    let counted = stage.counted("four", |app| app.traffic.failed == 4).await;
    assert_eq!(counted.traffic.served, 0);
}

#[tokio::test]
async fn an_answer_flows_while_it_is_made() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, seen| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await?;
        seen.gate.acquire().await.unwrap().forget();
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let stream = TcpStream::connect(stage.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut send, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut response = soon("the head", send.send_request(request("GET", "/", ""))).await.unwrap();
    let first = soon("the first", response.frame()).await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "one");
    one.seen.gate.add_permits(1);
    let rest = soon("the rest", response.collect()).await.unwrap().to_bytes();
    assert_eq!(rest, "two");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let mut stage = Stage::new().await;
    let one = Instance::scripted(1, |_, mut stream, _| async move {
        loop {
            let head = read_head(&mut stream).await?;
            let path = head.split(' ').nth(1).unwrap().to_owned();
            stream.write_all(ok(&path).as_bytes()).await?;
        }
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let answer = stage
        .raw("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let order: Vec<_> = ["/1", "/2", "/3"].iter().map(|path| answer.find(path).unwrap()).collect();
    assert!(order.is_sorted(), "{answer}");
}
