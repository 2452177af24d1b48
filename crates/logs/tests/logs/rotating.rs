//! Files that have grown or aged.

use crate::stage::{Stage, eventually, spec};
use gapless_model::app::LogSpec;
use std::time::Duration;

#[test]
fn files_are_rotated_by_size_and_so_many_are_kept() {
    let stage = Stage::new();
    let small = LogSpec { max_size: 1000, keep: 3, ..spec() };
    let mut api = stage.add("api-1", &small);
    for n in 0..200 {
        // 50 bytes with its prefix: 20 of them make a file.
        api.out(format!("number {n:011}\n"));
    }
    stage.settle("api-1");
    let sizes = ["out.log", "out.1.log", "out.2.log", "out.3.log"].map(|name| stage.read("api", name).len());
    assert_eq!(sizes, [1000; 4]);
    assert!(!stage.file("api", "out.4.log").exists());
    assert_eq!(stage.last("api", 1000).len(), 80);
    assert_eq!(stage.last("api", 1000)[0], format!("number {:011}", 120));
    assert!(stage.capture.troubles().is_empty());

    let none_kept = LogSpec { max_size: 500, keep: 0, ..spec() };
    stage.capture.reconfigure(&"api".parse().unwrap(), &none_kept);
    for n in 0..15 {
        api.out(format!("number {n:011}\n"));
    }
    stage.settle("api-1");
    assert_eq!(stage.last("api", 1000).len(), 5);
    assert!(!stage.file("api", "out.1.log").exists());
}

#[test]
fn a_file_is_rotated_by_the_age_of_its_first_line() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let old = "2020-01-01T00:00:00.000Z api-1 of long ago\n";
    std::fs::write(stage.file("api", "out.log"), old).unwrap();
    std::fs::write(stage.file("api", "err.log"), "not a line of ours\n").unwrap();
    let mut api = stage.add("api-1", &spec());
    api.out("new\n");
    api.err("new\n");
    stage.settle("api-1");
    assert_eq!(stage.read("api", "out.1.log"), old.as_bytes());
    assert!(!stage.file("api", "err.1.log").exists(), "its age is not known");
    assert_eq!(stage.last("api", 3), ["of long ago", "new", "new"]);
}

#[test]
fn a_file_ages_while_running() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_age: Duration::from_millis(30), ..spec() });
    eventually("there are three files", || {
        api.out("tick\n");
        stage.settle("api-1");
        stage.file("api", "out.2.log").exists()
    });
}

#[test]
fn a_line_longer_than_a_file_has_one_for_itself() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_size: 100, ..spec() });
    api.out(format!("short\n{}\nshort\n", "x".repeat(5000)));
    stage.settle("api-1");
    assert!(stage.read("api", "out.1.log").len() > 5000);
    let lengths: Vec<_> = stage.last("api", 9).iter().map(String::len).collect();
    assert_eq!(lengths, [5, 5000, 5]);
}

#[test]
fn a_file_that_was_deleted_is_made_again() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &spec());
    api.out("gone\n");
    stage.settle("api-1");
    std::fs::remove_file(stage.file("api", "out.log")).unwrap();
    eventually("lines are written to a new file", || {
        api.out("here\n");
        stage.settle("api-1");
        stage.file("api", "out.log").exists()
    });
    assert!(stage.capture.troubles().is_empty());
}

#[test]
fn what_cannot_be_rotated_goes_on_growing_and_is_said() {
    let stage = Stage::new();
    let mut api = stage.add("api-1", &LogSpec { max_size: 100, keep: 2, ..spec() });
    // A directory cannot be replaced by a file.
    std::fs::create_dir_all(stage.file("api", "out.1.log").join("in the way")).unwrap();
    std::fs::create_dir_all(stage.file("api", "out.2.log").join("in the way")).unwrap();
    for n in 0..20 {
        api.out(format!("line {n}\n"));
    }
    stage.settle("api-1");
    assert_eq!(stage.read("api", "out.log").iter().filter(|b| **b == b'\n').count(), 20);
    let troubles = stage.capture.troubles();
    assert!(troubles[0].starts_with("the logs of api are not rotated: "), "{troubles:?}");
    for name in ["out.1.log", "out.2.log"] {
        std::fs::remove_dir_all(stage.file("api", name)).unwrap();
    }
    api.out("once more\n");
    stage.settle("api-1");
    assert!(stage.capture.troubles().is_empty());
}

#[test]
fn a_torn_end_does_not_swallow_the_next_line() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.file("api", "")).unwrap();
    let path = stage.file("api", "out.log");
    std::fs::write(&path, "2099-01-01T00:00:00.000Z api-1 whole\n2099-01-01T00:0").unwrap();
    let mut api = stage.add("api-1", &spec());
    api.out("next\n");
    stage.settle("api-1");
    assert_eq!(stage.last("api", 9), ["whole", "next"]);
}
