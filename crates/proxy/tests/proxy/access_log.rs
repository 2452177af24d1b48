//! What is written of requests.

use crate::instance::Instance;
use crate::stage::{Stage, request, until};
use gapless_model::AccessLog;

/// The log, as soon as it has so many lines.
async fn logged(stage: &Stage, lines: usize) -> String {
    let path = stage.home.path().join("logs/access.log");
    let mut text = String::new();
    until("the lines", || {
        text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().count() == lines
    })
    .await;
    text
}

#[tokio::test]
async fn requests_are_logged_one_line_each() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.snapshot.access_log = AccessLog::Json;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    client.get("/a?b='c%22").await;
    client.post("/length", "12345").await;
    let text = logged(&stage, 2).await;
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["path"], "/a?b='c%22");
    assert_eq!((lines[0]["app"].as_str(), lines[0]["instance"].as_str()), (Some("web"), Some("web-1")));
    assert_eq!(
        (&lines[1]["method"], &lines[1]["status"], &lines[1]["bytes"]),
        (&"POST".into(), &200.into(), &1.into())
    );
    assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_format_is_changed_between_two_requests() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.snapshot.access_log = AccessLog::Combined;
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    let mut visit = request("GET", "/a?b='c%22", "");
    visit.headers_mut().insert("user-agent", "curl/8 (\"x\\y\")".parse().unwrap());
    visit.headers_mut().insert("referer", "http://example.com/".parse().unwrap());
    client.send(visit).await.unwrap();
    client.post("/length", "12345").await;
    logged(&stage, 2).await;
    stage.snapshot.access_log = AccessLog::Off;
    stage.apply().await;
    client.get("/secret").await;
    stage.snapshot.access_log = AccessLog::Json;
    stage.apply().await;
    client.get("/c").await;
    let text = logged(&stage, 3).await;
    let lines: Vec<&str> = text.lines().collect();
    let (before, rest) = lines[0].split_once(" [").unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(before, "127.0.0.1 - -");
    assert!(jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).is_ok(), "{time}");
    assert_eq!(rest, r#""GET /a?b='c%22 HTTP/1.1" 200 4 "http://example.com/" "curl/8 (\x22x\x5Cy\x22)""#);
    assert!(lines[1].ends_with(r#""POST /length HTTP/1.1" 200 1 "-" "-""#), "{}", lines[1]);
    assert!(lines[2].starts_with("{") && lines[2].contains("\"path\":\"/c\""), "{}", lines[2]);
}
