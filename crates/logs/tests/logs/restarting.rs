//! A control that ends and one that comes after it.

use crate::stage::{Stage, spec};
use gapless_logs::Capture;

#[test]
fn what_was_written_while_nobody_captured_arrives() {
    let mut stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out("before\nbegun");
    stage.settle("api-1");
    let former = std::mem::replace(&mut stage.capture, Capture::start(&stage.root.join("logs")).unwrap());
    former.finish().wait();
    // More than a FIFO holds by default.
    let meanwhile: String = (0..1_000).map(|n| format!("meanwhile {n:0>90}\n")).collect();
    api.out(&meanwhile);
    let _again = stage.add("api-1", &spec());
    stage.settle("api-1");
    let lines = stage.last("api", 2_000);
    assert_eq!((lines[0].as_str(), lines[1].as_str(), lines.len()), ("before", "begun", 1_002));
    assert!(lines[1_001].ends_with("999"));
}

#[test]
fn finishing_writes_what_was_read() {
    let mut stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out("no end");
    stage.capture.caught_up(&"api-1".parse().unwrap()).wait();
    let next = Capture::start(&stage.logs()).unwrap();
    std::mem::replace(&mut stage.capture, next).finish().wait();
    assert_eq!(stage.last("api", 9), ["no end"]);
}
