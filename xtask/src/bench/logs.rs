//! How fast output comes through to its file.

use super::gapless::Gapless;
use super::ground::Ground;
use super::pm2::Pm2;
use super::process::{self, Pid};
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use crate::trouble::Trouble;
use serde_json::json;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 3;
/// How long the last line is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many lines, of 200 bytes each with their end.
const LINES: usize = 150_000;
/// What the last line has and no other.
const LAST: &str = "and this is the last";
/// Waits for a word on `go`, then says everything at once and stays.
const CHATTY: &str = "read -r word < go; cat lines; exec sleep 3600";

/// What one flood came to.
struct Flood {
    /// Milliseconds until the last line was in the file.
    wall: f64,
    /// Milliseconds of CPU of the process that put it there.
    cpu: f64,
    /// Lines that are not there.
    missing: usize,
}

/// Wall time until the last line is in the file, CPU time of who put it there, and lines that never came.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(flood_pm2(ground)?);
        ours.push(flood_ours(ground)?);
    }
    let wall = |floods: &[Flood]| median(floods.iter().map(|flood| flood.wall).collect());
    let cpu = |floods: &[Flood]| median(floods.iter().map(|flood| flood.cpu).collect());
    let missing = |floods: &[Flood]| floods.iter().map(|flood| flood.missing).sum::<usize>() as f64;
    Ok(vec![
        Row::new("150,000 log lines (30 MB) until all are in the file", Unit::Milliseconds, wall(&ours))
            .at_most(1500.0)
            .beside("PM2", wall(&theirs)),
        Row::new("the same, CPU", Unit::Milliseconds, cpu(&ours)).at_most(1000.0).beside("PM2", cpu(&theirs)),
        Row::new(format!("the same, lines missing in {ROUNDS} rounds"), Unit::Count, missing(&ours))
            .at_most(0.0)
            .beside("PM2", missing(&theirs)),
    ])
}

fn flood_pm2(ground: &Ground) -> Result<Flood, Trouble> {
    let pm2 = Pm2::new(&ground.pm2)?;
    prepare(pm2.home())?;
    let home = pm2.home().display().to_string();
    pm2.start(&json!({ "apps": [{ "name": "chatty", "script": "/bin/sh", "args": ["-c", CHATTY],
                                  "cwd": home, "interpreter": "none", "vizion": false }] }))?;
    speak(pm2.home(), &pm2.home().join("logs"), "chatty-out", pm2.daemon()?)
}

fn flood_ours(ground: &Ground) -> Result<Flood, Trouble> {
    let gapless = Gapless::new(&ground.gapless)?;
    let place = gapless.put("ready", "")?;
    let place = place.parent().unwrap_or(Path::new("."));
    prepare(place)?;
    gapless.up(&format!("[apps.chatty]\ncommand = \"{CHATTY}\"\nshell = true\n"))?;
    speak(place, &gapless.home().join("logs/chatty"), "out", gapless.pid("control_pid")?)
}

/// The lines to say, and the FIFO to wait on.
fn prepare(place: &Path) -> Result<(), Trouble> {
    let mut text = String::with_capacity(LINES * 200);
    for number in 1..=LINES {
        let head = if number == LINES { format!("{number:06} {LAST} ") } else { format!("{number:06} ") };
        text.push_str(&head);
        text.extend(std::iter::repeat_n('x', 199 - head.len()));
        text.push('\n');
    }
    let path = place.join("lines");
    fs::write(&path, text).map_err(|source| Trouble::File { verb: "write", path, source })?;
    crate::step::run(Command::new("mkfifo").arg(place.join("go")))
}

/// Lets it speak, and waits until the last line is in the file.
fn speak(place: &Path, logs: &Path, name: &str, listener: Pid) -> Result<Flood, Trouble> {
    let go = place.join("go");
    let before = process::cpu(listener);
    // Opening a FIFO for writing waits for its reader.
    let said = File::options().write(true).open(&go).and_then(|mut go| go.write_all(b"go\n"));
    said.map_err(|source| Trouble::File { verb: "write", path: go, source })?;
    let newest = logs.join(format!("{name}.log"));
    let arrived = until("the last line is in the file", PATIENCE, Duration::from_millis(2), || {
        tail(&newest).is_some_and(|tail| tail.contains(LAST)).then_some(())
    });
    // One that never came is no reason to end here: it is what the row of missing lines is for.
    let wall = arrived.map_or(PATIENCE, |(wall, ())| wall);
    let cpu = process::cpu(listener) - before;
    let missing = LINES.saturating_sub(count_lines(logs, name)?);
    Ok(Flood { wall: millis(wall), cpu: millis(cpu), missing })
}

/// The last bytes of a file, more than one line of them.
fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(600))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines in all files of this name, rotated ones too.
fn count_lines(logs: &Path, name: &str) -> Result<usize, Trouble> {
    let unreadable = |path: &Path, source| Trouble::File { verb: "read", path: path.to_owned(), source };
    let mut lines = 0;
    for entry in fs::read_dir(logs).map_err(|source| unreadable(logs, source))? {
        let path: PathBuf = entry.map_err(|source| unreadable(logs, source))?.path();
        if path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)) {
            let bytes = fs::read(&path).map_err(|source| unreadable(&path, source))?;
            lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        }
    }
    Ok(lines)
}
