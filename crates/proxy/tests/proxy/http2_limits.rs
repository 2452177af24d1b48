//! What clients of HTTP/2 may not do (RFC 9113; CVE-2023-44487, CVE-2024-27316).

use crate::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, Raw, fields, frame, get,
};
use crate::instance::Instance;
use crate::stage::{Stage, soon};
use tokio::io::AsyncWriteExt;

const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

async fn stage() -> (Stage, Instance) {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let (stage, one) = stage().await;
    let good = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/")];
    let with = |more: &[(&'static str, &'static str)]| fields(&[&good[..], more].concat());
    let but = |name: &str, value: &'static str| {
        let changed = good.map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        fields(&changed)
    };
    let without = |name: &str| {
        let rest: Vec<_> = good.into_iter().filter(|(n, _)| *n != name).collect();
        fields(&rest)
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("CR in a value", with(&[("x", "a\rb: c")])),
        ("LF in a value", with(&[("x", "a\nb: c")])),
        ("CR LF in a value", with(&[("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\n")])),
        ("NUL in a value", with(&[("x", "a\0b")])),
        ("CR LF in a name", with(&[("x\r\ny", "a")])),
        ("a colon in a name", with(&[("x:y", "a")])),
        ("a space in a name", with(&[("x y", "a")])),
        ("a quote in a name", with(&[("x\"y", "a")])),
        ("no name", with(&[("", "a")])),
        ("upper case in a name", with(&[("X-Upper", "a")])),
        ("connection", with(&[("connection", "close")])),
        ("keep-alive", with(&[("keep-alive", "timeout=5")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("te", with(&[("te", "gzip")])),
        ("a pseudo field behind a field", with(&[("x", "y"), (":path", "/other")])),
        ("a pseudo field twice", with(&[(":path", "/other")])),
        ("a pseudo field of answers", with(&[(":status", "200")])),
        ("an unknown pseudo field", with(&[(":x", "y")])),
        ("CR LF in the path", but(":path", "/ HTTP/1.1\r\nx: y\r\n\r\nGET /")),
        ("a space in the path", but(":path", "/a b")),
        ("an empty path", but(":path", "")),
        ("CR LF in the method", but(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET")),
        ("CR LF in the host", but(":authority", "h\r\nx: y")),
        ("no method", without(":method")),
        ("no path", without(":path")),
        ("no scheme", without(":scheme")),
        ("a length that is none", with(&[("content-length", "+3")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "3")])),
        ("the same length twice", with(&[("content-length", "0"), ("content-length", "0")])),
        ("a length and no body", with(&[("content-length", "3")])),
    ];
    for (what, block) in cases {
        let mut raw = Raw::connect(stage.address).await;
        raw.ask(1, &block).await;
        let refused = raw.next().await.unwrap().unwrap_or_else(|| panic!("{what}: nothing was said"));
        match refused.kind {
            RST_STREAM | GOAWAY => assert_eq!(refused.code(), PROTOCOL_ERROR, "{what}: {refused:?}"),
            // `:status: 400` stands in the table of all (RFC 7541 appendix A).
            _ => assert_eq!((refused.kind, refused.payload[0]), (HEADERS, 0x8c), "{what}: {refused:?}"),
        }
    }
    assert_eq!(one.seen.requests(), 0);
    let mut raw = Raw::connect(stage.address).await;
    raw.ask(1, &fields(&good)).await;
    let answer = raw.next().await.unwrap().unwrap();
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, 0x88), "{answer:?}");
}

#[tokio::test]
async fn requests_taken_back_at_once_end_the_connection() {
    let (mut stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    let mut flood = Vec::new();
    for stream in (1..20_000).step_by(2) {
        flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/gate")));
        flood.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    // It may be closed before all is written.
    let _ = raw.stream.write_all(&flood).await;
    if let Ok(goodbye) = raw.wait_for(GOAWAY).await {
        assert_eq!(goodbye.unwrap().code(), ENHANCE_YOUR_CALM);
    }
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
    assert!(one.seen.requests() < 500, "{}", one.seen.requests());
    assert_eq!(stage.client().await.get("/other").await.0, 200);
}

#[tokio::test]
async fn requests_taken_back_when_they_are_seen_end_the_connection() {
    let (mut stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    let mut sent = 0;
    // Each is on its way to the instance before it is taken back: an answer to a ping says so.
    soon("the end", async {
        for stream in (1..).step_by(2) {
            let mut round = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/gate"));
            round.extend(frame(PING, 0, 0, &[0; 8]));
            if raw.stream.write_all(&round).await.is_err() || !raw.pong().await {
                return;
            }
            let back = frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
            if raw.stream.write_all(&back).await.is_err() {
                return;
            }
            sent += 1;
        }
    })
    .await;
    assert!((500..3000).contains(&sent), "{sent}");
    stage.counted_of(&one, |one| one.in_flight.requests == 0).await;
}

#[tokio::test]
async fn a_head_without_end_is_not_read() {
    let (stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    raw.send(HEADERS, END_STREAM, 1, &get("/")).await.unwrap();
    // 14 MB of them.
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x", "y")])).repeat(1024);
    for _ in 0..1024 {
        if raw.stream.write_all(&more).await.is_err() {
            break;
        }
    }
    if let Ok(goodbye) = raw.wait_for(GOAWAY).await {
        assert_eq!(goodbye.unwrap().code(), ENHANCE_YOUR_CALM);
    }
    assert_eq!(one.seen.requests(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    let long = "v".repeat(12_000);
    let block = fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "h"),
        (":path", "/"),
        ("a", &long),
        ("b", &long),
        ("c", &long),
    ]);
    let (first, rest) = block.split_at(16_000);
    raw.send(HEADERS, END_STREAM, 1, first).await.unwrap();
    let (second, third) = rest.split_at(16_000);
    raw.send(CONTINUATION, 0, 1, second).await.unwrap();
    raw.send(CONTINUATION, END_HEADERS, 1, third).await.unwrap();
    let refused = raw.next().await.unwrap().unwrap();
    assert_eq!((refused.kind, refused.stream), (HEADERS, 1), "{refused:?}");
    // `:status: 431` in Huffman's code.
    assert_eq!(refused.payload, [0x48, 0x83, 0x69, 0x90, 0xff]);
    assert_eq!(one.seen.requests(), 0);
}

#[tokio::test]
async fn more_requests_at_a_time_than_allowed_are_refused_unseen() {
    let (stage, one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    for stream in (1..400).step_by(2) {
        raw.ask(stream, &get("/gate")).await;
    }
    let refused = raw.wait_for(RST_STREAM).await.unwrap().unwrap();
    // REFUSED_STREAM: it may be sent again without harm.
    assert_eq!(refused.code(), 7);
    crate::stage::until("the others are there", || one.seen.requests() == 128).await;
    one.seen.gate.add_permits(128);
    let mut answered = 0;
    while answered < 128 {
        let frame = raw.next().await.unwrap().unwrap();
        answered += u32::from(frame.kind != RST_STREAM && frame.flags & END_STREAM != 0);
    }
}
