//! Disks that are stuck or full.

use crate::stage::{Stage, Writer, eventually, spec};
use camino::Utf8Path;
use gapless_model::app::LogSpec;
use rustix::fs::{CWD, Mode};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

/// Writes `count` lines of 200 bytes, and says how long the longest took.
fn pour(api: &mut Writer, count: usize) -> Duration {
    let mut longest = Duration::ZERO;
    let line = format!("{}\n", "x".repeat(199));
    for _ in 0..count {
        let begun = Instant::now();
        api.out(&line);
        longest = longest.max(begun.elapsed());
    }
    longest
}

/// Makes an app's file a FIFO: it takes 64 KiB, then its writer waits for ever, as on a disk that hangs.
fn hang(stage: &Stage, app: &str) -> camino::Utf8PathBuf {
    std::fs::create_dir_all(stage.file(app, "")).unwrap();
    let stuck = stage.file(app, "out.log");
    rustix::fs::mkfifoat(CWD, stuck.as_str(), Mode::RUSR | Mode::WUSR).unwrap();
    stuck
}

#[test]
fn a_stuck_disk_costs_lines_and_blocks_the_app_for_a_moment() {
    let stage = Stage::new();
    let stuck = hang(&stage, "api");
    let mut api = stage.add("api-1", &spec());
    let mut web = stage.add("web-1", &spec());

    // 40 MB: ten times what may wait.
    let begun = Instant::now();
    pour(&mut api, 200_000);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(2), "it did not wait for the disk");
    assert!(took < Duration::from_secs(15), "the app was held up for {took:?}");
    eventually("drops are told", || !stage.capture.troubles().is_empty());
    let troubles = stage.capture.troubles();
    assert!(troubles[0].ends_with("log lines of api dropped: the disk is stuck"), "{troubles:?}");
    // Another app does not even notice, and neither does its reader.
    web.out("of web\n");
    stage.settle("web-1");
    assert_eq!(stage.last("web", 9), ["of web"]);
    assert!(stage.capture.troubles().iter().all(|trouble| !trouble.contains("web")));

    // The disk comes back: what waited is written, the app's share of the queue and no more, and where lines
    // are missing it is said.
    let mut disk = BufReader::new(File::open(&stuck).unwrap());
    let reading = std::thread::spawn(move || {
        let (mut bytes, mut notes, mut line) = (0, Vec::new(), String::new());
        while disk.read_line(&mut line).unwrap() > 0 {
            bytes += line.len();
            notes.extend(line.contains("[gapless]").then(|| line.clone()));
            line.clear();
        }
        (bytes, notes)
    });
    stage.settle("api-1");
    api.out("after it\n");
    stage.settle("api-1");
    let troubles = stage.capture.troubles();
    drop(stage);
    let (bytes, notes) = reading.join().unwrap();
    assert!(bytes > 3_000_000 && bytes < 6_000_000, "{bytes}");
    let (dropped, _) = troubles[0].split_once(' ').unwrap();
    let said = format!(" api-1 [gapless] {dropped} lines are missing here: the disk took no more\n");
    assert!(notes.len() == 1 && notes[0].ends_with(&said), "{notes:?}, not {said}");
}

/// A disk that takes `total` lines of an app, `bytes` at most in one go with a pause after each.
fn slow(
    path: &Utf8Path,
    bytes: usize,
    pause: Duration,
    total: usize,
) -> std::thread::JoinHandle<Vec<String>> {
    let mut disk = File::open(path).unwrap();
    std::thread::spawn(move || {
        let (mut text, mut buffer, mut lines) = (Vec::new(), vec![0; bytes], 0);
        while lines < total {
            let read = disk.read(&mut buffer).unwrap();
            lines += memchr::memchr_iter(b'\n', &buffer[..read]).count();
            text.extend_from_slice(&buffer[..read]);
            std::thread::sleep(pause);
        }
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    })
}

#[test]
fn a_slow_disk_costs_no_line() {
    const LINES: usize = 150_000;
    let stage = Stage::new();
    let path = hang(&stage, "api");
    let mut api = stage.add("api-1", &LogSpec { max_size: u64::MAX, ..spec() });
    // It opens when somebody writes, which the capture does in a moment.
    api.out("line 0\n");
    let disk = slow(&path, 32 * 1024, Duration::from_millis(5), LINES);
    // Line by line as Node does, far faster than the disk: 10 MB with their prefixes, of which 4 may wait.
    for n in 1..LINES {
        api.out(format!("line {n} of the log of an app\n"));
    }
    stage.settle("api-1");
    assert!(stage.capture.troubles().is_empty(), "{:?}", stage.capture.troubles());
    let lines = disk.join().unwrap();
    assert_eq!(lines.len(), LINES);
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(line.split(' ').nth(3), Some(n.to_string().as_str()), "{line}");
    }
}

#[test]
fn a_full_disk_is_told_and_recovers() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let path = stage.file("api", "out.log");
    symlink("/dev/full", &path).unwrap();
    let mut api = stage.add("api-1", &spec());
    for _ in 0..1_234 {
        api.out("lost\n");
    }
    stage.settle("api-1");
    assert_eq!(stage.capture.troubles(), ["1,234 log lines of api dropped: No space left on device"]);
    std::fs::remove_file(&path).unwrap();
    api.out("kept\n");
    stage.settle("api-1");
    let said = "[gapless] 1,234 lines are missing here: the disk took no more";
    assert_eq!(stage.last("api", 9), [said, "kept"]);
    assert_eq!(stage.capture.troubles().len(), 1, "it is still to be seen for a while");
}

#[test]
fn a_directory_that_cannot_be_made_is_told() {
    let stage = Stage::new();
    std::fs::write(stage.logs(), "a file").unwrap();
    let mut api = stage.add("api-1", &spec());
    api.out("lost\n");
    stage.settle("api-1");
    let troubles = stage.capture.troubles();
    assert!(troubles[0].starts_with("1 log lines of api dropped: "), "{troubles:?}");
    std::fs::remove_file(stage.logs()).unwrap();
    api.out("kept\n");
    stage.settle("api-1");
    let said = "[gapless] 1 line is missing here: the disk took no more";
    assert_eq!(stage.last("api", 9), [said, "kept"]);
}
