//! Requests that two servers could understand in two ways, so that one request hides in another: refused, with 400
//! and the end of the connection, and no instance sees any of it. The cases are those that are published about
//! request smuggling, by the names that they have there.

use crate::instance::Instance;
use crate::stage::{Stage, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What would be hidden: an instance that sees it has been fooled.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// Heads of requests whose end is doubtful, each with what makes it so. Behind each comes [`HIDDEN`].
const HEADS: &[(&str, &str)] = &[
    (
        "CL.TE",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE.CL",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE.TE, the second unknown",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE.TE, twice the same",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("TE in a list", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("TE behind another", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("TE unknown", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (
        "TE identity",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
    ),
    ("TE empty", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    (
        "TE with a vertical tab",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE with a space before the colon",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE with a space before its name",
        "POST / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("TE in quotes", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("TE with a semicolon", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
    (
        "TE with an underscore",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ),
    (
        "TE in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("TE folded", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    (
        "TE behind a bare CR",
        "POST / HTTP/1.1\r\nHost: x\r\nFoo: bar\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE behind a bare LF",
        "POST / HTTP/1.1\r\nHost: x\r\nFoo: bar\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE behind a NUL",
        "POST / HTTP/1.1\r\nHost: x\r\nFoo: a\0b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("obs-fold", "GET / HTTP/1.1\r\nHost: x\r\nFoo: a\r\n b\r\n\r\n"),
    ("obs-fold with a tab", "GET / HTTP/1.1\r\nHost: x\r\nFoo: a\r\n\tb\r\n\r\n"),
    ("a bare LF behind the first line", "GET / HTTP/1.1\nHost: x\r\n\r\n"),
    ("a bare LF behind a field", "GET / HTTP/1.1\r\nHost: x\n\r\n"),
    ("a bare LF behind the head", "GET / HTTP/1.1\r\nHost: x\r\n\n"),
    ("only bare LFs", "GET / HTTP/1.1\nHost: x\n\n"),
    (
        "two Content-Lengths",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ),
    (
        "the same Content-Length twice",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    ),
    ("a list of Content-Lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc"),
    ("a Content-Length with a sign", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc"),
    ("a negative Content-Length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc"),
    ("a hexadecimal Content-Length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc"),
    ("an empty Content-Length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"),
    ("a Content-Length with a space in it", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3 3\r\n\r\nabc"),
    (
        "a Content-Length that is too long",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551619\r\n\r\nabc",
    ),
    (
        "a Content-Length with a space before the colon",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
    ),
    ("a Content-Length with an underscore", "POST / HTTP/1.1\r\nHost: x\r\nContent_Length: 3\r\n\r\nabc"),
    ("two spaces in the first line", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a tab in the first line", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a space behind the version", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
    ("no version", "GET /\r\nHost: x\r\n\r\n"),
    ("HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n"),
    ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
    ("HTTP/2 in words of HTTP/1", "GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
    ("a space before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
    ("a field without a colon", "GET / HTTP/1.1\r\nHost: x\r\nFoo\r\n\r\n"),
    ("a field without a name", "GET / HTTP/1.1\r\nHost: x\r\n: foo\r\n\r\n"),
    ("a CR in a target", "GET /\rx HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a NUL in a target", "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a NUL in a name", "GET / HTTP/1.1\r\nHost: x\r\nF\0o: bar\r\n\r\n"),
    ("many empty lines", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("no Host", "GET / HTTP/1.1\r\n\r\n"),
    ("two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    ("a list of Hosts", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n"),
    ("a path in the Host", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"),
    ("a user in the Host", "GET / HTTP/1.1\r\nHost: y@x\r\n\r\n"),
    ("absolute form against Host", "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("absolute form with a user", "GET http://u@x/ HTTP/1.1\r\nHost: u@x\r\n\r\n"),
];

/// Bodies in chunks that are none.
const CHUNKS: &[(&str, &str)] = &[
    ("a bare LF behind a size", "5\nhello\r\n0\r\n\r\n"),
    ("a bare LF behind a chunk", "5\r\nhello\n0\r\n\r\n"),
    ("a bare LF behind the last", "5\r\nhello\r\n0\r\n\n"),
    ("a bare CR behind a size", "5\rhello\r\n0\r\n\r\n"),
    ("no line behind a chunk", "5\r\nhello0\r\n\r\n"),
    ("more than the size says", "5\r\nhelloo\r\n0\r\n\r\n"),
    ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a negative size", "-5\r\nhello\r\n0\r\n\r\n"),
    ("a space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
    ("a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"),
    ("an empty size", "\r\nhello\r\n0\r\n\r\n"),
    ("a size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
    ("a size that is too long", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("an LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("a trailer that is framing", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
    ("a trailer with a bare LF", "5\r\nhello\r\n0\r\nx: y\n\r\n"),
];

/// Of what is sent, so many requests at the beginning are right, and what follows is refused.
async fn refused(stage: &Stage, name: &str, bytes: &str, right: usize) {
    let answer = stage.raw(bytes).await;
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses.len(), right + 1, "{name}: {answer}");
    assert!(statuses[..right].iter().all(|status| *status == "200"), "{name}: {answer}");
    assert_eq!(statuses[right], "400", "{name}: {answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{name}: {answer}");
}

#[tokio::test]
async fn heads_that_are_understood_in_two_ways() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    for (name, head) in HEADS {
        refused(&stage, name, &format!("{head}{HIDDEN}"), 0).await;
        assert_eq!(one.seen.requests(), 0, "{name}: an instance saw it");
    }
}

#[tokio::test]
async fn heads_behind_a_right_request() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    for (number, (name, head)) in HEADS.iter().enumerate() {
        refused(&stage, name, &format!("GET /first HTTP/1.1\r\nHost: x\r\n\r\n{head}{HIDDEN}"), 1).await;
        assert_eq!(one.seen.requests(), number + 1, "{name}: an instance saw it");
    }
}

#[tokio::test]
async fn heads_that_arrive_byte_by_byte() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    for (name, head) in HEADS.iter().step_by(7) {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in format!("{head}{HIDDEN}").bytes() {
            // It may have been refused, and closed, before the last.
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(one.seen.requests(), 0, "{name}: an instance saw it");
    }
}

/// The instance has begun with it, and is left in the lurch.
#[tokio::test]
async fn bodies_that_are_understood_in_two_ways() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    for (number, (name, body)) in CHUNKS.iter().enumerate() {
        let head = "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(&stage, name, &format!("{head}{body}{HIDDEN}"), 0).await;
        assert!(one.seen.requests() <= number + 1, "{name}: an instance saw what was hidden");
    }
    let counted = stage.counted("them", |app| app.traffic.client_gone >= 1).await;
    assert_eq!((counted.traffic.failed, counted.traffic.retried), (0, 0), "{counted:?}");
}

#[tokio::test]
async fn what_everybody_understands_alike_is_let_through() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let rights = [
        ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        ("\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        ("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        ("POST /length HTTP/1.1\r\nHost: x\r\ncontent-length:\t 3 \r\n\r\nabc", 1),
        (
            "POST /length HTTP/1.1\r\nHost: x\r\nTRANSFER-ENCODING: Chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nx-t: 1\r\n\r\n",
            1,
        ),
        ("GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 1),
        ("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 2),
    ];
    let mut all = 0;
    for (bytes, answers) in rights {
        let last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        // What is asked for another protocol has to wait for the answer before anything follows.
        let bytes = if bytes.contains("Upgrade") { bytes.to_owned() } else { format!("{bytes}{last}") };
        let answers = if bytes.contains("Upgrade") { answers } else { answers + 1 };
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        soon("the answers", stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 ").count(), answers, "{bytes:?}: {answer}");
        all += answers;
        assert_eq!(one.seen.requests(), all);
    }
}

/// "Optimistic" use of another protocol: what stands behind the request is a request to one server, and no request
/// to the other.
#[tokio::test]
async fn what_comes_behind_a_refused_upgrade_is_not_read() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let ask = "GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: none\r\nConnection: upgrade\r\n\r\n";
    let answer = stage.raw(&format!("{ask}{HIDDEN}")).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(one.seen.requests(), 1);
    // A client that waits goes on as it likes.
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    soon("the answer", stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream.write_all(b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    soon("both answers", stream.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest.matches("HTTP/1.1 200 ").count(), 1, "{rest}");
}
