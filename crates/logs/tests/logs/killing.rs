//! A control that is killed, and one that comes after it.

use crate::stage::{Stage, id, spec};
use gapless_model::app::LogSpec;
use std::env;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Tells this test that it is the one to be killed, and where.
const VICTIM: &str = "GAPLESS_TEST_CAPTURES_IN";

const KILLS: u64 = 100;

/// So much is written at once, in bytes.
const BLOCK: usize = 413;

/// So that it is seen where one begins and ends, whatever is between.
fn line(n: usize) -> String {
    format!("<{n} {}>\n", "x".repeat(n % 60))
}

fn one_file() -> LogSpec {
    LogSpec { max_size: u64::MAX, ..spec() }
}

/// Captures until it is killed.
fn be_killed(root: &str) -> ! {
    let stage = Stage::at(root.into());
    let _writer = stage.add("api-1", &one_file());
    loop {
        thread::park();
    }
}

#[test]
fn at_any_moment_no_line_is_lost() {
    if let Ok(root) = env::var(VICTIM) {
        be_killed(&root);
    }
    let stage = Stage::new();
    let mut api = stage.add("api-1", &one_file());
    stage.capture.remove(&id("api-1")).wait();
    let enough = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let enough = Arc::clone(&enough);
        move || {
            let (mut text, mut lines) = (Vec::new(), 0);
            while !enough.load(Ordering::Relaxed) {
                while text.len() < 8 * BLOCK {
                    text.extend_from_slice(line(lines).as_bytes());
                    lines += 1;
                }
                // Mostly in the middle of a line, as `stdio` does.
                let rest = text.split_off(text.len() / BLOCK * BLOCK);
                text.chunks(BLOCK).for_each(|block| api.out(block));
                text = rest;
                thread::sleep(Duration::from_millis(1));
            }
            api.out(&text);
            (api, lines)
        }
    });
    for n in 0..KILLS {
        let mut victim = Command::new(env::current_exe().unwrap());
        victim.args(["killing::at_any_moment_no_line_is_lost", "--exact", "--nocapture"]);
        let mut victim = victim.env(VICTIM, &stage.root).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(n * 7_919 % 40_000));
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    assert!(!stage.read("api", "out.log").is_empty(), "none of those that were killed has captured anything");
    enough.store(true, Ordering::Relaxed);
    drop(stage.add("api-1", &one_file()));
    let (writer, lines) = writer.join().unwrap();
    stage.settle("api-1");
    drop(writer);

    // What was silent in the middle of a line is two of them; what was written when its capture was killed may be
    // there again.
    let file = String::from_utf8(stage.read("api", "out.log")).unwrap();
    let text: String = file.lines().filter_map(|line| line.splitn(3, ' ').nth(2)).collect();
    let whole: Vec<&str> = text.split_inclusive('<').map(|piece| piece.trim_end_matches('<')).collect();
    let whole = whole.into_iter().filter_map(|piece| piece.strip_suffix('>'));
    let (mut next, mut again) = (0, 0);
    for piece in whole {
        let (n, rest) = piece.split_once(' ').unwrap();
        let n: usize = n.parse().unwrap();
        assert!(n <= next, "after line {next} comes {n}");
        assert_eq!(rest.len(), n % 60, "{piece}");
        again += usize::from(n < next);
        next = next.max(n + 1);
    }
    assert_eq!(next, lines);
    println!("{lines} lines, {again} of them there again");
}
