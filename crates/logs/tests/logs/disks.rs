//! Disks that are stuck or full.

use crate::stage::{Stage, Writer, eventually, spec};
use rustix::fs::{CWD, Mode};
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

#[test]
fn a_stuck_disk_costs_lines_and_never_blocks_the_app() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    // A FIFO that nobody reads takes 64 KiB, then its writer waits for ever, as on a disk that hangs.
    let stuck = stage.file("api", "out.log");
    rustix::fs::mkfifoat(CWD, stuck.as_str(), Mode::RUSR | Mode::WUSR).unwrap();
    let mut api = stage.add("api-1", &spec());
    let mut web = stage.add("web-1", &spec());

    // 40 MB: five times what may wait.
    let longest = pour(&mut api, 200_000);
    assert!(longest < Duration::from_secs(10), "the app was blocked for {longest:?}");
    eventually("drops are told", || !stage.capture.troubles().is_empty());
    let troubles = stage.capture.troubles();
    assert!(troubles[0].ends_with("log lines of api dropped: the disk is too slow"), "{troubles:?}");
    // There is still room for another app, though it must wait.
    web.out("of web\n");
    assert!(stage.capture.troubles().iter().all(|trouble| !trouble.contains("web")));

    // The disk comes back: what waited is written, the app's share of the queue and no more.
    let mut disk = std::fs::File::open(&stuck).unwrap();
    let reading = std::thread::spawn(move || std::io::copy(&mut disk, &mut std::io::sink()));
    stage.settle("web-1");
    assert_eq!(stage.last("web", 9), ["of web"]);
    drop(stage);
    let read = reading.join().unwrap().unwrap();
    assert!(read > 3_000_000 && read < 5_000_000, "{read}");
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
    assert_eq!(stage.last("api", 9), ["kept"]);
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
    assert_eq!(stage.last("api", 9), ["kept"]);
}
