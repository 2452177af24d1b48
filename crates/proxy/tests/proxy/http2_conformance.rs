//! What no client of HTTP/2 may send, and what it gets for it (RFC 9113), case by case as h2spec has them; what it
//! may send and nobody has to understand; and floods of what is cheap to send.

use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, Raw, SETTINGS,
    WINDOW_UPDATE, fields, frame, get,
};
use crate::instance::Instance;
use crate::stage::{Stage, soon};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an end may take.
const PATIENCE: Duration = Duration::from_secs(5);

const PRIORITY: u8 = 2;
const PUSH_PROMISE: u8 = 5;
const UNKNOWN: u8 = 0xee;

const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 0x20;

const PROTOCOL: u32 = 1;
const FLOW_CONTROL: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE: u32 = 6;
const COMPRESSION: u32 = 9;

async fn stage() -> (Stage, Instance) {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    (stage, one)
}

/// What is sent, and the code with which a stream or the connection is ended for it. The codec says
/// `PROTOCOL_ERROR` for some that have a code of their own, which is no less an end (section 5.4).
type Case = (&'static str, Vec<Vec<u8>>, u32);

/// Sends each on a connection of its own, and looks at what ends it.
async fn refused(stage: &Stage, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (what, frames, code) in cases {
        let mut raw = Raw::connect(stage.address).await;
        // It may be closed before all is written.
        let _ = raw.stream.write_all(&frames.concat()).await;
        loop {
            match tokio::time::timeout(PATIENCE, raw.next()).await {
                Ok(Ok(Some(frame))) if matches!(frame.kind, RST_STREAM | GOAWAY) => {
                    if frame.code() != code && frame.code() != PROTOCOL {
                        wrong.push(format!("{what}: {frame:?}"));
                    }
                    break;
                }
                // An answer to what came before.
                Ok(Ok(Some(_))) => {}
                // The reset of a socket may overtake what was said.
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => break,
                end => {
                    wrong.push(format!("{what}: {end:?}"));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(stage.client().await.get("/other").await.0, 200, "others are served");
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn headers(flags: u8, stream: u32) -> Vec<u8> {
    frame(HEADERS, flags, stream, &get("/"))
}

const WHOLE: u8 = END_HEADERS | END_STREAM;

#[tokio::test]
async fn what_is_no_http2_is_refused_and_reaches_nobody() {
    let (stage, one) = stage().await;
    let ping = || frame(PING, 0, 0, &[0; 8]);
    let update = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let cases: Vec<Case> = vec![
        // Frames (section 4).
        ("a frame that is too large", vec![frame(HEADERS, WHOLE, 1, &[0; 16_385])], FRAME_SIZE),
        ("fields by an index that is none", vec![frame(HEADERS, WHOLE, 1, &[0x80])], COMPRESSION),
        ("fields by an index of nothing", vec![frame(HEADERS, WHOLE, 1, &[0xff, 0x7f])], COMPRESSION),
        ("fields that break off", vec![frame(HEADERS, WHOLE, 1, &[0x00, 0x05, b'x'])], COMPRESSION),
        ("a table that is too large", vec![frame(HEADERS, WHOLE, 1, &[0x3f, 0xff, 0xff, 0x07])], COMPRESSION),
        // Streams (section 5.1).
        ("fields on stream 0", vec![headers(WHOLE, 0)], PROTOCOL),
        ("fields on a stream of the server's", vec![headers(WHOLE, 2)], PROTOCOL),
        ("data on a stream that is idle", vec![frame(DATA, END_STREAM, 1, b"x")], STREAM_CLOSED),
        ("data on stream 0", vec![frame(DATA, END_STREAM, 0, b"x")], PROTOCOL),
        ("a reset of a stream that is idle", vec![frame(RST_STREAM, 0, 1, &[0; 4])], PROTOCOL),
        ("room on a stream that is idle", vec![update(1, 1)], PROTOCOL),
        // Of each kind (section 6).
        ("more padding than frame", vec![frame(HEADERS, WHOLE | PADDED, 1, &[9, 0x82])], PROTOCOL),
        (
            "a stream that depends on itself",
            vec![frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &[&[0, 0, 0, 1, 16][..], &get("/")].concat())],
            PROTOCOL,
        ),
        ("a priority that is too short", vec![frame(PRIORITY, 0, 1, &[0; 4])], FRAME_SIZE),
        ("a reset on stream 0", vec![frame(RST_STREAM, 0, 0, &[0; 4])], PROTOCOL),
        ("a reset that is too short", vec![frame(RST_STREAM, 0, 1, &[0; 3])], FRAME_SIZE),
        ("settings on a stream", vec![frame(SETTINGS, 0, 1, &[])], PROTOCOL),
        ("settings cut off", vec![frame(SETTINGS, 0, 0, &[0; 5])], FRAME_SIZE),
        ("settings acknowledged with some", vec![frame(SETTINGS, ACK, 0, &[0; 6])], FRAME_SIZE),
        ("push neither on nor off", vec![setting(2, 2)], PROTOCOL),
        ("a window that is too large", vec![setting(4, 1 << 31)], FLOW_CONTROL),
        ("frames that are too small", vec![setting(5, 16_383)], PROTOCOL),
        ("frames that are too large", vec![setting(5, 1 << 24)], PROTOCOL),
        ("a promise", vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])], PROTOCOL),
        ("a ping on a stream", vec![frame(PING, 0, 1, &[0; 8])], PROTOCOL),
        ("a ping that is too short", vec![frame(PING, 0, 0, &[0; 7])], FRAME_SIZE),
        ("a good-bye on a stream", vec![frame(GOAWAY, 0, 1, &[0; 8])], PROTOCOL),
        ("no more room", vec![update(0, 0)], PROTOCOL),
        ("too much room", vec![update(0, (1 << 31) - 1)], FLOW_CONTROL),
        ("room that is too short", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 3])], FRAME_SIZE),
        ("more fields of nothing", vec![frame(CONTINUATION, END_HEADERS, 1, &get("/"))], PROTOCOL),
        ("a ping amid fields", vec![headers(END_STREAM, 1), ping()], PROTOCOL),
        ("data amid fields", vec![headers(0, 1), frame(DATA, END_STREAM, 1, b"x")], PROTOCOL),
        ("fields amid fields", vec![headers(END_STREAM, 1), headers(WHOLE, 3)], PROTOCOL),
        ("something unknown amid fields", vec![headers(END_STREAM, 1), frame(UNKNOWN, 0, 0, b"x")], PROTOCOL),
        (
            "more fields of another stream",
            vec![headers(END_STREAM, 1), frame(CONTINUATION, END_HEADERS, 3, &[0x82])],
            PROTOCOL,
        ),
    ];
    refused(&stage, cases).await;
    // The one that is asked at the end.
    assert_eq!(one.seen.requests(), 1);
}

#[tokio::test]
async fn what_a_stream_does_not_allow_is_refused() {
    let (stage, _one) = stage().await;
    let post = |more: &[(&str, &str)]| {
        let of = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/length")];
        frame(HEADERS, END_HEADERS, 1, &fields(&[&of[..], more].concat()))
    };
    let gate = || frame(HEADERS, WHOLE, 1, &get("/gate"));
    let data = |flags, payload: &[u8]| frame(DATA, flags, 1, payload);
    let cases: Vec<Case> = vec![
        ("fields after the end", vec![gate(), headers(WHOLE, 1)], STREAM_CLOSED),
        ("data after the end", vec![gate(), data(END_STREAM, b"x")], STREAM_CLOSED),
        ("a stream before the last one", vec![headers(WHOLE, 3), headers(WHOLE, 1)], STREAM_CLOSED),
        (
            "fields after a reset",
            vec![gate(), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), headers(WHOLE, 1)],
            STREAM_CLOSED,
        ),
        ("more padding than data", vec![post(&[]), data(END_STREAM | PADDED, &[9, b'x'])], PROTOCOL),
        ("no more room", vec![gate(), frame(WINDOW_UPDATE, 0, 1, &[0; 4])], PROTOCOL),
        ("too much room", vec![gate(), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])], FLOW_CONTROL),
        (
            "more data than was said",
            vec![post(&[("content-length", "3")]), data(END_STREAM, b"12345")],
            PROTOCOL,
        ),
        ("less data than was said", vec![post(&[("content-length", "3")]), data(END_STREAM, b"1")], PROTOCOL),
        (
            "trailers that are not the end",
            vec![post(&[]), frame(HEADERS, END_HEADERS, 1, &fields(&[("x", "y")]))],
            PROTOCOL,
        ),
        (
            "a line end in the trailers",
            vec![post(&[]), frame(HEADERS, WHOLE, 1, &fields(&[("x", "a\r\nb: c")]))],
            PROTOCOL,
        ),
        (
            "more data than there is room for",
            vec![frame(HEADERS, END_HEADERS, 1, &get("/gate")), data(0, &[b'x'; 16_384]).repeat(256)],
            FLOW_CONTROL,
        ),
    ];
    refused(&stage, cases).await;
}

#[tokio::test]
async fn what_need_not_be_understood_is_passed_over() {
    let (stage, _one) = stage().await;
    let mut raw = Raw::connect(stage.address).await;
    for bytes in [
        frame(UNKNOWN, 0xff, 0, b"anything"),
        frame(UNKNOWN, 0xff, 77, &[]),
        setting(0xfe, 7),
        // To a stream that is idle (section 6.3).
        frame(PRIORITY, 0, 5, &[0, 0, 0, 3, 16]),
        frame(PING, ACK, 0, &[7; 8]),
        frame(HEADERS, WHOLE | PADDED, 1, &[&[3][..], &get("/"), &[0; 3]].concat()),
    ] {
        raw.stream.write_all(&bytes).await.unwrap();
    }
    let answer = raw.wait_for(HEADERS).await.unwrap().unwrap();
    assert_eq!((answer.stream, answer.payload[0]), (1, 0x88), "{answer:?}");
    // What may still be on its way when a stream has ended (section 5.1).
    raw.wait_for(DATA).await.unwrap().unwrap();
    raw.send(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()).await.unwrap();
    raw.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]).await.unwrap();
    raw.ask(3, &get("/")).await;
    assert_eq!(raw.wait_for(HEADERS).await.unwrap().unwrap().stream, 3);
    // To be refused as well (section 8.1); the codec leaves it out instead, so that nobody gets to see it.
    raw.send(HEADERS, END_HEADERS, 5, &get("/")).await.unwrap();
    raw.send(HEADERS, WHOLE, 5, &fields(&[(":path", "/other")])).await.unwrap();
    assert_eq!(raw.wait_for(HEADERS).await.unwrap().unwrap().payload[0], 0x88);
}

#[tokio::test]
async fn a_preface_that_is_none_ends_the_connection() {
    let (stage, one) = stage().await;
    for preface in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
        "PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI / HTTP/2.0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(preface.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut said)).await;
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{preface:?}: {said}");
    }
    assert_eq!(one.seen.requests(), 0);
}

/// Resident memory of this process (the proxy runs in it) in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Each asks for an answer, or for nothing, and nobody reads what is answered.
#[tokio::test]
async fn floods_of_what_is_cheap_take_no_memory_and_hold_up_nobody() {
    let (stage, one) = stage().await;
    for (what, piece) in [
        ("settings", setting(4, 65_535)),
        ("pings", frame(PING, 0, 0, &[0; 8])),
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16])),
        ("room for streams that are over", frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes())),
        ("data without any", frame(DATA, 0, 3, &[])),
        ("what is unknown", frame(UNKNOWN, 0, 0, &[0; 8])),
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.ask(1, &get("/")).await;
        raw.wait_for(DATA).await.unwrap().unwrap();
        raw.send(HEADERS, END_HEADERS, 3, &get("/gate")).await.unwrap();
        let before = resident();
        let flood = piece.repeat(4096);
        let (mut read, mut write) = raw.stream.into_split();
        let writer = tokio::spawn(async move {
            for _ in 0..64 {
                if write.write_all(&flood).await.is_err() {
                    break;
                }
            }
        });
        // Until the proxy takes no more, or has taken all, or has had enough.
        let mut other = stage.client().await;
        for _ in 0..50 {
            assert_eq!(other.get("/other").await.0, 200, "{what}");
        }
        let grown = resident().saturating_sub(before) >> 20;
        assert!(grown < 16, "{what}: {grown} MiB");
        let drained =
            tokio::spawn(async move { while read.read(&mut [0; 65_536]).await.is_ok_and(|n| n > 0) {} });
        soon("the flood", writer).await.unwrap();
        drained.abort();
    }
    drop(one);
}
