//! From the FIFO into the file.

use crate::stage::{Stage, eventually, id, spec, texts};
use gapless_logs::{Selection, Tail};
use std::os::unix::fs::PermissionsExt;

#[test]
fn every_byte_is_kept_and_the_streams_apart() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out(b"plain\r\n\xff\xfe not utf-8 \x00\n\n");
    stage.settle("api-1");
    api.err("to stderr\n");
    stage.settle("api-1");
    let lines = stage.tail("api", 10).poll(10).unwrap();
    let seen: Vec<_> = lines.iter().map(|l| (l.err, l.bytes.as_slice())).collect();
    assert_eq!(
        seen,
        [(false, &b"plain"[..]), (false, b"\xff\xfe not utf-8 \x00"), (false, b""), (true, b"to stderr")]
    );
    let out = stage.read("api", "out.log");
    assert_eq!(&out[24..31], b" api-1 ", "{out:?}");
    assert!(out.ends_with(b" api-1 \n"));
    assert_eq!(stage.read("api", "err.log").len(), 24 + 7 + 10);
}

#[test]
fn files_are_for_their_owner_only_and_silent_apps_have_none() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    let _silent = stage.add("silent-1", &spec());
    api.out("x\n");
    stage.settle("api-1");
    stage.settle("silent-1");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(stage.file("api", "out.log")), 0o600);
    assert_eq!(mode(stage.file("api", "")), 0o700);
    assert_eq!(mode(stage.fifos("api-1").0), 0o600);
    assert!(!stage.file("silent", "").exists());
    assert!(!stage.file("api", "err.log").exists());
}

#[test]
fn instances_share_their_app_s_files_in_order_of_arrival() {
    let stage = Stage::new();
    let (mut one, mut two) = (stage.add("api-1", &spec()), stage.add("api-2", &spec()));
    for n in 0..10 {
        let (name, writer) = if n % 2 == 0 { ("api-1", &mut one) } else { ("api-2", &mut two) };
        writer.out(format!("line {n}\n"));
        stage.settle(name);
    }
    assert_eq!(stage.last("api", 100), (0..10).map(|n| format!("line {n}")).collect::<Vec<_>>());
    let app = "api".parse().unwrap();
    let of_two = Selection::of(id("api-2"));
    let mut tail = Tail::open(&stage.logs(), &app, &of_two, 2).unwrap();
    assert_eq!(texts(&tail.poll(10).unwrap()), ["line 7", "line 9"]);
}

#[test]
fn a_prompt_without_an_end_is_shown_after_a_moment() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out("one\nprompt> ");
    eventually("the prompt is written", || stage.last("api", 10) == ["one", "prompt> "]);
    api.out("\nnext\n");
    stage.settle("api-1");
    assert_eq!(stage.last("api", 10), ["one", "prompt> ", "next"]);
}

#[test]
fn the_last_words_of_a_removed_instance_are_kept() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out("x".repeat(200_000));
    api.err("panic: no end");
    drop(api);
    stage.capture.remove(&id("api-1")).wait();
    let lines = stage.tail("api", 10).poll(10).unwrap();
    assert_eq!(lines.iter().filter(|l| !l.err).map(|l| l.bytes.len()).sum::<usize>(), 200_000);
    assert!(lines.iter().any(|l| l.err && l.bytes == b"panic: no end"));
    // Its files are closed, and opened again with the next instance.
    let mut api = stage.add("api-2", &spec());
    api.out("hello\n");
    stage.settle("api-2");
    assert_eq!(stage.last("api", 1), ["hello"]);
}

#[test]
fn what_stands_in_the_way_of_a_fifo_is_an_error() {
    let stage = Stage::new();
    let (out, err) = stage.fifos("api-1");
    std::fs::write(&out, "").unwrap();
    let error = stage.capture.add(&id("api-1"), &spec(), &out, &err).unwrap_err();
    assert!(error.to_string().starts_with("cannot make the FIFO"), "{error}");
    let error = stage.capture.add(&id("api-1"), &spec(), &err.join("x"), &err).unwrap_err();
    assert!(error.to_string().starts_with("cannot make the FIFO"), "{error}");
}

#[test]
fn fifos_made_anew_replace_the_old_ones() {
    let stage = Stage::new();
    let mut old = stage.add("api-1", &spec());
    old.out("old\n");
    let (out, err) = stage.fifos("api-1");
    std::fs::remove_file(out).unwrap();
    std::fs::remove_file(err).unwrap();
    let mut new = stage.add("api-1", &spec());
    new.out("new\n");
    stage.settle("api-1");
    assert_eq!(stage.last("api", 10), ["old", "new"]);
}
