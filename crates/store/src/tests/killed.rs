//! `kill -9` in the middle of writing.

use super::samples::{Place, instance};
use crate::{Change, Journal};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const JOURNAL: &str = "GAPLESS_TEST_JOURNAL";

/// Not a test by itself: the process that is killed. Commits instance after instance and says which is done.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn commits_until_it_is_killed() {
    let Ok(path) = std::env::var(JOURNAL) else { return };
    let (journal, _) = Journal::open(path.as_str().into()).unwrap();
    for number in 1.. {
        journal.commit(vec![Change::PutInstance(Box::new(instance(1, number, 0)))]).wait().unwrap();
        println!("\ndone {number}");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let place = Place::new();
    let mut acknowledged = 0;
    for _round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::killed::commits_until_it_is_killed", "--ignored", "--nocapture"])
            .env(JOURNAL, &place.path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = lines.map_while(Result::ok).filter_map(|l| l.strip_prefix("done ")?.parse::<u32>().ok());
        let mut last = 0;
        for number in done {
            last = number;
            if number == 300 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(last >= 300);
        acknowledged = acknowledged.max(last);

        let (journal, recovered) = place.open();
        assert!(recovered.set_aside.is_none());
        let instances = recovered.state.instances;
        for number in 1..=acknowledged {
            assert!(instances.contains_key(&instance(1, number, 0).id), "{number} of {acknowledged}");
        }
        journal.close();
    }
}
