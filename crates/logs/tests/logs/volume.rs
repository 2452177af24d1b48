//! Much output, little memory.

use crate::stage::{Stage, eventually, id, spec};
use gapless_model::app::LogSpec;
use rustix::fs::{CWD, Mode};
use std::io::Write;
use std::time::Instant;

/// Resident and peak memory of this process in KiB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = |name| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (value("VmRSS:"), value("VmHWM:"))
}

/// Runs a test that is ignored otherwise in a process of its own, so that nothing else is measured.
fn alone(test: &str) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--ignored"]).env(ALONE, "1").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

const ALONE: &str = "GAPLESS_TEST_ALONE";

#[test]
fn a_hundred_megabytes_without_a_newline_take_constant_memory() {
    alone("volume::pours_a_hundred_megabytes");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn pours_a_hundred_megabytes() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_size: 4 << 20, keep: 1, ..spec() });
    let megabyte = vec![b'x'; 1 << 20];
    let (_, before) = memory();
    for _ in 0..100 {
        api.out(&megabyte);
    }
    let (_, after) = memory();
    // What one app may have waiting in the queue (4 MiB), and what surrounds it.
    assert!(after - before < 8 * 1024, "{before} KiB, then {after} KiB");
    stage.settle("api-1");
    api.out("\nthe end\n");
    stage.settle("api-1");
    assert_eq!(stage.last("api", 1), ["the end"]);
}

#[test]
fn memory_is_given_back_after_a_burst() {
    alone("volume::fills_the_queue_and_empties_it");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn fills_the_queue_and_empties_it() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let stage = Stage::new();
    let mut writers: Vec<_> = ["api-1", "web-1", "db-1"].map(|name| stage.add(name, &spec())).into();
    let stuck: Vec<_> = ["api", "web", "db"]
        .map(|app| {
            std::fs::create_dir_all(stage.file(app, "")).unwrap();
            let stuck = stage.file(app, "out.log");
            rustix::fs::mkfifoat(CWD, stuck.as_str(), Mode::RUSR | Mode::WUSR).unwrap();
            stuck
        })
        .into();
    let (before, _) = memory();
    let line = format!("{}\n", "x".repeat(99));
    eventually("the queue is full", || {
        writers.iter_mut().for_each(|writer| (0..1_000).for_each(|_| writer.out(&line)));
        stage.capture.troubles().len() == 3
    });
    let (full, _) = memory();
    assert!(full > before + 5 * 1024, "{before} KiB, then {full} KiB");
    let reading: Vec<_> = stuck
        .into_iter()
        .map(|path| std::fs::File::open(path).unwrap())
        .map(|mut disk| std::thread::spawn(move || std::io::copy(&mut disk, &mut std::io::sink())))
        .collect();
    eventually("memory is given back", || memory().0 < before + 2 * 1024);
    drop(stage);
    for disk in reading {
        disk.join().unwrap().unwrap();
    }
}

#[test]
fn no_line_is_lost_on_a_healthy_disk() {
    const LINES: usize = 5_000;
    let stage = Stage::new();
    let mut writers = Vec::new();
    for n in 1..=4 {
        let mut writer = stage.add(&format!("api-{n}"), &spec());
        writers.push(std::thread::spawn(move || {
            for line in 0..LINES {
                writer.out(format!("{line} {}\n", "y".repeat(line % 300)));
            }
        }));
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let mut counts = [0; 4];
    for n in 1..=4 {
        stage.capture.remove(&id(&format!("api-{n}"))).wait();
    }
    assert!(stage.capture.troubles().is_empty(), "{:?}", stage.capture.troubles());
    let mut tail = stage.tail("api", usize::MAX);
    loop {
        let lines = tail.poll(1_000).unwrap();
        for line in &lines {
            let of = usize::try_from(line.instance.number()).unwrap() - 1;
            let text = String::from_utf8(line.bytes.clone()).unwrap();
            let number: usize = text.split_once(' ').unwrap().0.parse().unwrap();
            assert_eq!(number, counts[of]);
            counts[of] += 1;
        }
        if lines.is_empty() {
            break;
        }
    }
    assert_eq!(counts, [LINES; 4]);
}

/// CPU time of this process in milliseconds.
fn cpu() -> u64 {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(clock.tv_sec * 1000 + clock.tv_nsec / 1_000_000).unwrap()
}

/// Not a test but a measurement: 150k lines of 200 bytes, written by another process line by line as Node
/// does, and in blocks. `cargo test --release -p gapless-logs --test logs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
fn measure_thirty_megabytes() {
    for (name, buffer) in [("line by line", 200), ("in blocks", 64 * 1024)] {
        let stage = Stage::new();
        let mut api = stage.add("api-1", &spec());
        let text = format!("{}\n", "x".repeat(199)).repeat(150_000);
        let (wall, begun) = (Instant::now(), cpu());
        let mut worst = 0;
        for chunk in text.as_bytes().chunks(buffer) {
            let before = Instant::now();
            api.out.write_all(chunk).unwrap();
            worst = worst.max(before.elapsed().as_micros());
        }
        stage.settle("api-1");
        println!(
            "{name}: {:?} wall, {} ms CPU with the writer's own, longest write {worst} us, {:?} KiB",
            wall.elapsed(),
            cpu() - begun,
            memory()
        );
        assert!(stage.capture.troubles().is_empty());
        drop(text);
        println!("  at rest {:?} KiB", memory());
    }
}
