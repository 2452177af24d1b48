//! Clients that take their time: what is bounded, and what is not their fault.

use crate::frames::{DATA, END_HEADERS, HEADERS, Raw, fields};
use crate::http2_client;
use crate::instance::{Instance, ok, read_head};
use crate::stage::{Stage, soon, until};
use gapless_model::limits::LimitSpec;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How often a proxy in a hurry looks at its clients.
const LOOK: Duration = Duration::from_millis(100);

/// How long a body may be waited for here.
const BODY: Duration = Duration::from_millis(300);

/// With an instance that answers as `Instance::unix` does.
async fn hurried(look: Duration) -> (Stage, Instance) {
    let mut stage = Stage::that_looks(look).await;
    let one = Instance::unix(1);
    stage.snapshot.apps[0].limits = LimitSpec { body_timeout: BODY, ..LimitSpec::default() };
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

/// Sends the pieces with a pause between each, and goes on with the last for ever. All that is answered; none if the
/// end is a reset.
async fn trickle(stage: &Stage, pieces: &[&str], pause: Duration) -> Option<String> {
    let (mut read, mut write) = TcpStream::connect(stage.address).await.unwrap().into_split();
    let pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    let writing = tokio::spawn(async move {
        let last = pieces.last().cloned().into_iter().cycle();
        for piece in pieces.into_iter().chain(last) {
            if write.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
            sleep(pause).await;
        }
    });
    let mut answer = String::new();
    let end = soon("the end", read.read_to_string(&mut answer)).await;
    writing.abort();
    end.is_ok().then_some(answer)
}

const POST: &str = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
const CHUNKED: &str = "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn heads_that_do_not_come_to_their_end_are_answered_408() {
    let (stage, one) = hurried(LOOK).await;
    for (what, pieces) in [
        ("one byte", &["G", ""][..]),
        ("a line", &["GET / HTTP/1.1\r\n", ""]),
        ("all but the last", &["GET / HTTP/1.1\r\nHost: x\r\n\r", ""]),
        ("field after field", &["GET / HTTP/1.1\r\nHost: x\r\n", "x: y\r\n"]),
        ("byte after byte", &["GET / HTTP/1.1\r\nHost: x\r\nx: ", "y"]),
        ("behind a whole one", &["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nx: ", ""]),
    ] {
        let answer = trickle(&stage, pieces, LOOK / 3).await.expect(what);
        let (_, last) = answer.rsplit_once("HTTP/1.1 ").expect(what);
        assert!(last.starts_with("408 ") && last.contains("connection: close"), "{what}: {answer}");
    }
    assert_eq!(one.seen.requests(), 1, "only the whole one");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_without_a_word() {
    let (stage, _one) = hurried(LOOK).await;
    for before in ["", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let began = Instant::now();
        let answer = trickle(&stage, &[before, ""], LOOK).await.unwrap();
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!before.is_empty()), "{answer}");
        assert!(began.elapsed() > 5 * LOOK);
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_are_answered_408() {
    let (mut stage, one) = hurried(LOOK).await;
    let cases = [
        ("nothing of it", &[POST, ""][..]),
        ("a part of it", &[POST, "abc", ""]),
        ("byte after byte", &[POST, "x"]),
        ("no chunk", &[CHUNKED, ""]),
        ("half a size", &[CHUNKED, "1", ""]),
        ("chunk after chunk", &[CHUNKED, "1\r\nx\r\n"]),
        ("a chunk without end", &[CHUNKED, "ffff\r\n", "x"]),
        ("no trailers", &[CHUNKED, "1\r\nx\r\n0\r\n", ""]),
        (
            "after having been told to go on",
            &[&POST.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"), ""],
        ),
    ];
    for (what, pieces) in cases {
        let answer = trickle(&stage, pieces, BODY / 10).await.expect(what);
        let answer = answer.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("connection: close"),
            "{what}: {answer}"
        );
    }
    until("the instance is left", || one.seen.closed() == one.seen.connections()).await;
    let counted = stage.counted("all", |app| app.traffic.client_gone == cases.len() as u64).await;
    assert_eq!((counted.traffic.failed, counted.traffic.retried), (0, 0), "{counted:?}");
    assert_eq!(stage.counted_of(&one, |one| one.in_flight.requests == 0).await.traffic.failed, 0);
}

/// What was sent of its answer must not be taken for all of it.
#[tokio::test]
async fn a_body_that_does_not_come_after_its_answer_has_begun_ends_the_connection() {
    let (mut stage, one) = hurried(LOOK).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(trickle(&stage, &[head, "1\r\nx\r\n", ""], BODY / 10).await, None, "no reset");
    until("the instance is left", || one.seen.closed() == one.seen.connections()).await;
    let counted = stage.counted("it", |app| app.traffic.client_gone == 1).await;
    assert_eq!((counted.traffic.served, counted.traffic.failed), (0, 0), "{counted:?}");
}

#[tokio::test]
async fn an_answer_that_comes_on_is_not_cut_because_its_request_is_silent() {
    let (stage, _one) = hurried(LOOK).await;
    let talker = Instance::scripted(2, |_, mut stream, _| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
        for _ in 0..10 {
            sleep(BODY / 3).await;
            stream.write_all(b"1\r\nx\r\n").await?;
        }
        stream.write_all(b"0\r\n\r\n").await
    });
    let mut stage = stage;
    stage.route_to(vec![Stage::serve(&talker)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    client.write_all(POST.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"0\r\n\r\n") {
        assert!(soon("the answer", client.read_buf(&mut answer)).await.unwrap() > 0, "{answer:?}");
    }
}

/// The instance reads nothing for long: that is not the fault of its client, who has sent what there is room for.
#[tokio::test]
async fn a_client_that_waits_for_its_instance_is_not_slow() {
    let (mut stage, _one) = hurried(LOOK).await;
    let sleeper = Instance::scripted(2, |_, mut stream, seen| async move {
        let head = read_head(&mut stream).await?;
        let mut bytes = head.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        seen.gate.acquire().await.unwrap().forget();
        while bytes < 8_000_000 {
            bytes += stream.read(&mut [0; 65_536]).await?;
        }
        stream.write_all(ok("all of it").as_bytes()).await
    });
    stage.route_to(vec![Stage::serve(&sleeper)]).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    let writing = async {
        let head = POST.replace("1000000\r\n", "8000000\r\nConnection: close\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; 8_000_000]).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let waking = async {
        sleep(10 * BODY).await;
        sleeper.seen.gate.add_permits(1);
    };
    let (answer, ()) = soon("the answer", async { tokio::join!(writing, waking) }).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("all of it"), "{answer}");
}

#[tokio::test]
async fn slow_clients_of_http2_lose_their_request_and_no_other() {
    let (mut stage, one) = hurried(LOOK).await;
    let mut raw = Raw::connect(stage.address).await;
    let post = |kind: &str| {
        let of = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/length")];
        fields(&[&of[..], &[("content-type", kind)]].concat())
    };
    raw.send(HEADERS, END_HEADERS, 1, &post("text/plain")).await.unwrap();
    // A stream of messages may be silent.
    raw.send(HEADERS, END_HEADERS, 3, &post("application/grpc+proto")).await.unwrap();
    let answer = raw.wait_for(HEADERS).await.unwrap().unwrap();
    // `:status: 408` in Huffman's code.
    assert_eq!((answer.stream, &answer.payload[..5]), (1, &[0x48, 0x83, 0x68, 0x0f, 0x7f][..]), "{answer:?}");
    sleep(2 * BODY).await;
    raw.send(DATA, 1, 3, b"abc").await.unwrap();
    loop {
        let frame = raw.next().await.unwrap().unwrap();
        if (frame.kind, frame.stream) == (DATA, 3) {
            assert_eq!(frame.payload, b"3");
            break;
        }
    }
    let counted = stage.counted("both", |app| app.traffic.client_gone + app.traffic.served == 2).await;
    assert_eq!((counted.traffic.client_gone, counted.traffic.failed), (1, 0), "{counted:?}");
    drop(one);
}

/// Bodies of one connection share its room: who gets none because another's instance does not read is not slow.
#[tokio::test]
async fn a_stream_without_room_is_not_slow() {
    let (mut stage, _one) = hurried(LOOK).await;
    let sleeper = Instance::scripted(2, |_, mut stream, seen| async move {
        let head = read_head(&mut stream).await?;
        if !head.starts_with("POST /sleep ") {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"0\r\n\r\n") && !head.ends_with("0\r\n\r\n") {
                stream.read_buf(&mut bytes).await?;
            }
            return stream.write_all(ok("awake").as_bytes()).await;
        }
        seen.gate.acquire().await.unwrap().forget();
        Ok(())
    });
    stage.route_to(vec![Stage::serve(&sleeper)]).await;
    let client = http2_client::Client::connect(stage.address).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let (body, request) = http2_client::by_hand("/sleep");
        let answer = tokio::spawn(client.begin(request));
        let sending = tokio::spawn(async move {
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            while body.send(Frame::data(piece.clone())).await.is_ok() {}
        });
        held.push((answer, sending));
    }
    until("they are there", || sleeper.seen.connections() == 6).await;
    let (body, request) = http2_client::by_hand("/other");
    let answer = tokio::spawn(client.begin(request));
    body.send(Frame::data(Bytes::from_static(b"abc"))).await.unwrap();
    sleep(4 * BODY).await;
    sleeper.seen.gate.add_permits(6);
    drop(body);
    let answer = soon("the answer", answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "awake");
    for (answer, sending) in held {
        answer.abort();
        sending.abort();
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_given_up() {
    let (mut stage, one) = hurried(LOOK / 2).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let began = Instant::now();
    stream.write_all(b"GET /large?100000000 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let counted = stage.counted("it", |app| app.traffic.client_gone == 1).await;
    assert_eq!((counted.traffic.served, counted.traffic.failed), (0, 0), "{counted:?}");
    assert!(began.elapsed() >= 10 * LOOK, "{:?}", began.elapsed());
    until("the instance is left", || one.seen.closed() == one.seen.connections()).await;
    // A reset: nothing of it can be taken for all of it.
    let mut rest = Vec::new();
    soon("the end", stream.read_to_end(&mut rest)).await.unwrap_err();
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let (stage, _one) = hurried(LOOK / 10).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(b"GET /large?20000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut all, mut bytes) = (0, vec![0; 1 << 20]);
    loop {
        let read = soon("more", stream.read(&mut bytes)).await.unwrap();
        if read == 0 {
            break;
        }
        all += read;
        sleep(LOOK).await;
    }
    assert!(all > 20_000_000, "{all}");
}

#[tokio::test]
async fn an_answer_that_takes_its_time_is_waited_for() {
    let (stage, one) = hurried(LOOK / 5).await;
    let mut client = stage.client().await;
    let answer = tokio::spawn(async move { client.get("/gate").await });
    sleep(10 * LOOK).await;
    one.seen.gate.add_permits(1);
    assert_eq!(answer.await.unwrap(), (200, "through".into()));
}
