//! Reading back what was written, and what comes.

use crate::stage::{Stage, eventually, spec, texts};
use gapless_logs::{Selection, Tail};
use gapless_model::app::LogSpec;

fn line(stamp: u32, text: &str) -> String {
    format!("2030-01-01T00:00:{:02}.{:03}Z api-1 {text}\n", stamp / 1000, stamp % 1000)
}

#[test]
fn both_streams_are_merged_by_time_over_rotated_files() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let write = |name, stamps: &[u32]| {
        let text: String = stamps.iter().map(|stamp| line(*stamp, &stamp.to_string())).collect();
        std::fs::write(stage.file("api", name), text).unwrap();
    };
    write("out.2.log", &[1, 3, 5]);
    write("out.1.log", &[7, 9]);
    write("out.log", &[11, 20]);
    write("err.1.log", &[2, 4, 6, 8]);
    write("err.log", &[10, 12]);
    let expected = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "20"];
    for n in 0..=expected.len() {
        assert_eq!(stage.last("api", n), expected[expected.len() - n..], "{n}");
    }
    assert_eq!(stage.last("api", 1000), expected);
    let mut tail = stage.tail("api", 5);
    assert_eq!(texts(&tail.poll(2).unwrap()), ["9", "10"]);
    assert_eq!(texts(&tail.poll(9).unwrap()), ["11", "12", "20"]);
    assert!(tail.poll(9).unwrap().is_empty());
    let only_err = Selection { instance: None, out: false, err: true };
    let mut tail = Tail::open(&stage.logs(), &"api".parse().unwrap(), &only_err, 2).unwrap();
    assert_eq!(texts(&tail.poll(9).unwrap()), ["10", "12"]);
}

#[test]
fn an_app_without_logs_has_no_lines_until_it_has() {
    let stage = Stage::new();
    let mut tail = stage.tail("api", 10);
    assert!(tail.poll(10).unwrap().is_empty());
    let mut api = stage.add("api-1", &spec());
    api.err("first\n");
    stage.settle("api-1");
    assert_eq!(texts(&tail.poll(10).unwrap()), ["first"]);
}

#[test]
fn following_survives_rotation() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_size: 2_000, keep: 50, ..spec() });
    let mut tail = stage.tail("api", 10);
    let mut seen = Vec::new();
    for n in 0..1_000 {
        api.out(format!("{n}\n"));
        if n % 37 == 0 {
            stage.settle("api-1");
            seen.extend(texts(&tail.poll(20).unwrap()));
        }
    }
    stage.settle("api-1");
    loop {
        let lines = tail.poll(100).unwrap();
        if lines.is_empty() {
            break;
        }
        seen.extend(texts(&lines));
    }
    assert!(stage.file("api", "out.10.log").exists());
    assert_eq!(seen, (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn following_while_it_is_written_loses_nothing() {
    const LINES: usize = 30_000;
    let stage = Stage::new();
    // Small files and all of them kept, so that rotation is met at every point.
    let mut api = stage.add("api-1", &LogSpec { max_size: 20_000, keep: 1_000, ..spec() });
    let mut tail = stage.tail("api", 0);
    let writer = std::thread::spawn(move || {
        for n in 0..LINES {
            api.out(format!("{n}\n"));
        }
        api
    });
    let mut seen = Vec::new();
    eventually("all lines are seen", || {
        seen.extend(texts(&tail.poll(500).unwrap()));
        seen.len() >= LINES
    });
    drop(writer.join().unwrap());
    assert!(seen.iter().enumerate().all(|(n, text)| *text == n.to_string()));
}

#[test]
fn a_follower_left_behind_by_rotation_goes_on_with_the_oldest() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_size: 1_000, keep: 1, ..spec() });
    api.out("begin\n");
    stage.settle("api-1");
    let mut tail = stage.tail("api", 1);
    assert_eq!(texts(&tail.poll(1).unwrap()), ["begin"]);
    for n in 0..500 {
        api.out(format!("{n}\n"));
    }
    stage.settle("api-1");
    let all: Vec<_> =
        std::iter::from_fn(|| Some(tail.poll(100).unwrap()).filter(|l| !l.is_empty())).flatten().collect();
    assert_eq!(all.last().unwrap().bytes, b"499");
    // Those in its own file, which it held, and those in the two that are left.
    assert!(all.len() > 40 && all.len() < 500, "{}", all.len());
}

#[test]
fn a_file_that_was_emptied_is_read_from_its_begin() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let path = stage.file("api", "out.log");
    std::fs::write(&path, line(1, "one, and rather long")).unwrap();
    let mut tail = stage.tail("api", 10);
    assert_eq!(tail.poll(10).unwrap().len(), 1);
    std::fs::write(&path, line(2, "two")).unwrap();
    assert_eq!(texts(&tail.poll(10).unwrap()), ["two"]);
}

#[test]
fn those_who_follow_are_told() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    let mut written = stage.capture.written();
    let mut tail = stage.tail("api", 0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for n in 0..20 {
            api.out(format!("{n}\n"));
            let mut lines = Vec::new();
            while lines.is_empty() {
                written.changed().await.unwrap();
                lines = tail.poll(10).unwrap();
            }
            assert_eq!(texts(&lines), [n.to_string()]);
        }
    });
}

#[test]
fn damaged_lines_are_passed_over() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let mut text = line(1, "one");
    text.push_str("a note that somebody left\n\n");
    text.push_str(&"z".repeat(100_000));
    text.push('\n');
    text.push_str(&line(2, "two"));
    text.push_str("2030-01-01T00:00:03.000Z api-1 not yet whole");
    std::fs::write(stage.file("api", "out.log"), text).unwrap();
    assert_eq!(stage.last("api", 10), ["one", "two"]);
    assert_eq!(stage.last("api", 1), ["two"]);
    assert_eq!(stage.last("api", 2), ["one", "two"]);
}
