//! The same questions with fewer cases, and with such as a fuzzer would take long to find.

use super::{answers, cookies, downgrade, hosts, requests};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Words one after the other, now and then broken off or changed by a byte.
fn of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        12 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => select(words).prop_map(|word| word.as_bytes()[..word.len() / 2].to_vec()),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "CONNECT h:1 HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "Host: x\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "content_length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:chunked\r\n",
    "Transfer-Encoding: x\r\n",
    "Upgrade: websocket\r\n",
    "x: y\r\n",
    " folded\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "abc",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "3;e=\"v\"\r\nabc\r\n",
    "00\r\nx-t: 1\r\n\r\n",
    "ffffffffffffffff\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
];

const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 204 \r\n",
    "HTTP/1.1 304\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "HTTP/1.1 999 what\r\n",
    "content-length: 3\r\n",
    "content-length: 3, 3\r\n",
    "content-length: 4\r\n",
    "transfer-encoding: chunked\r\n",
    "transfer-encoding: gzip, chunked\r\n",
    "transfer-encoding: gzip\r\n",
    "connection: close\r\n",
    "x: y\r\n",
    "\r\n",
    "abc",
    "3\r\nabc\r\n",
    "3;x=y\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nx-t: 1\r\n\r\n",
    "\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
];

const COOKIES: &[&str] = &[
    "gapless=",
    "gapless=ff",
    "gapless=0123456789abcdef",
    "; ",
    ";",
    "\n",
    "a=1",
    "b=gapless=2",
    " ",
    "\t",
    "gaplessly=1",
    "\"q;q\"",
];

const HOSTS: &[&str] = &[
    "/",
    "http://",
    "h",
    "H.example",
    ":80",
    "\n",
    "@",
    "[::1]",
    "?q",
    ",",
    " ",
    "%41",
    "*",
    ".",
    "x",
    "https://u@",
];

const HTTP2: &[&str] = &[
    "GET",
    "POST",
    "\n",
    "/",
    "/a?b",
    "\ncookie: a=1",
    "\ncookie: b=2",
    "\nhost: h.example",
    "\nhost: other",
    "\ncontent-length: 3",
    "\ncontent-length: 5",
    "\nx-a: b",
    "\nx:",
    "\nx: \u{e4}",
    "\ntransfer-encoding: chunked",
    "\nupgrade: x",
    ":",
    "\r",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_end_where_they_end(pace in any::<u8>(), bytes in of(REQUESTS)) {
        requests(&[&[pace], &bytes[..]].concat());
    }

    #[test]
    fn answers_are_the_same_however_they_come(pace in any::<u8>(), asked in 0..4_u8, bytes in of(ANSWERS)) {
        answers(&[&[pace, asked], &bytes[..]].concat());
    }

    #[test]
    fn one_cookie_is_taken_and_no_other(bytes in of(COOKIES)) {
        cookies(&bytes);
    }

    #[test]
    fn a_request_has_one_host(bytes in of(HOSTS)) {
        hosts(&bytes);
    }

    #[test]
    fn a_request_of_http2_becomes_one_of_http1(body in any::<bool>(), method in select(&["GET", "POST", "X"][..]), bytes in of(HTTP2)) {
        downgrade(&[&[u8::from(body)], method.as_bytes(), b"\n/", &bytes[..]].concat());
    }

    #[test]
    fn anything_at_all(bytes in vec(any::<u8>(), 0..300)) {
        requests(&bytes);
        answers(&bytes);
        cookies(&bytes);
        hosts(&bytes);
        downgrade(&bytes);
    }
}
