//! Both streams of an app as one, in order of time.

use crate::cursor::{Backward, Forward, Position};
use crate::error::LogError;
use crate::line::Line;
use camino::Utf8Path;
use gapless_model::{AppName, InstanceId, WallTime};
use std::io;

/// One answer of [`Tail::poll`] holds about this many bytes of lines at most.
const ANSWER: usize = 1024 * 1024;

/// The lines of one instance are looked for in this many bytes of each stream, from the end.
const SCAN: u64 = 8 * 1024 * 1024;

/// Which lines of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Of one instance only.
    pub instance: Option<InstanceId>,
    /// Its stdout.
    pub out: bool,
    /// Its stderr.
    pub err: bool,
}

impl Selection {
    /// All of them.
    pub const ALL: Self = Self { instance: None, out: true, err: true };

    /// Both streams of one instance.
    pub const fn of(instance: InstanceId) -> Self {
        Self { instance: Some(instance), out: true, err: true }
    }
}

/// Reads the lines of an app, the oldest first: the last so many, then those that come. Takes constant
/// memory however many lines there are, and is not disturbed by rotation.
///
/// It reads files, and so waits for the disk: within a runtime, call it by `spawn_blocking`. Lines with the
/// same millisecond are in order within each stream.
#[derive(Debug)]
pub struct Tail {
    instance: Option<String>,
    streams: Vec<Peeking>,
}

#[derive(Debug)]
struct Peeking {
    forward: Forward,
    next: Option<Line>,
}

impl Tail {
    /// Begins `lines` lines before the end of what `app` has below the directory `logs`; at the end for 0.
    ///
    /// Lines of a single instance are looked for only in the last 8 MiB of each stream. Fails if the files
    /// cannot be read; that there are none (yet) is no failure.
    pub fn open(
        logs: &Utf8Path,
        app: &AppName,
        selection: &Selection,
        lines: usize,
    ) -> Result<Self, LogError> {
        let directory = logs.join(app.as_str());
        let names = [(selection.out, "out.log", false), (selection.err, "err.log", true)];
        let paths: Vec<_> = names
            .into_iter()
            .filter(|(wanted, ..)| *wanted)
            .map(|(_, name, err)| (directory.join(name), err))
            .collect();
        let instance = selection.instance.as_ref().map(ToString::to_string);
        let failed = |why: io::Error| LogError::path("read the logs in", directory.clone(), why);
        let starts = starts(&paths, instance.as_deref(), lines).map_err(failed)?;
        let streams = paths
            .into_iter()
            .zip(starts)
            .map(|((path, err), start)| Peeking { forward: Forward::new(path, err, start), next: None })
            .collect();
        Ok(Self { instance, streams })
    }

    /// The next lines, at most `at_most` and at most about 1 MiB of them. None means that there are no more
    /// now.
    pub fn poll(&mut self, at_most: usize) -> Result<Vec<Line>, LogError> {
        let (mut lines, mut size) = (Vec::new(), 0);
        while lines.len() < at_most && size < ANSWER {
            let Some(line) = self.next()? else { break };
            size += line.bytes.len();
            lines.push(line);
        }
        Ok(lines)
    }

    fn next(&mut self) -> Result<Option<Line>, LogError> {
        for stream in &mut self.streams {
            if stream.next.is_none() {
                let next = stream.forward.next(self.instance.as_deref());
                stream.next = next.map_err(|why| LogError::path("read", stream.forward.path(), why))?;
            }
        }
        let earliest = self
            .streams
            .iter_mut()
            .filter(|stream| stream.next.is_some())
            .min_by_key(|stream| stream.next.as_ref().map(|line| line.at));
        Ok(earliest.and_then(|stream| stream.next.take()))
    }
}

/// One stream on the way back.
struct Back<'a> {
    backward: Backward<'a>,
    /// Before all lines that are taken.
    start: Position,
    /// The time of the line before `start`.
    previous: Option<WallTime>,
}

/// Where to begin in each stream so that `lines` lines follow over all: steps back over the latest line of
/// any, again and again.
fn starts(
    paths: &[(camino::Utf8PathBuf, bool)],
    instance: Option<&str>,
    lines: usize,
) -> io::Result<Vec<Position>> {
    let budget = if instance.is_some() { SCAN } else { u64::MAX };
    let begin = |path| -> io::Result<Back<'_>> {
        let mut backward = Backward::new(path, budget)?;
        let start = backward.position();
        let previous = if lines > 0 { backward.previous(instance)? } else { None };
        Ok(Back { backward, start, previous })
    };
    let mut backs = paths.iter().map(|(path, _)| begin(path)).collect::<io::Result<Vec<_>>>()?;
    for _ in 0..lines {
        let latest = backs.iter_mut().filter(|back| back.previous.is_some()).max_by_key(|back| back.previous);
        let Some(back) = latest else { break };
        back.start = back.backward.position();
        back.previous = back.backward.previous(instance)?;
    }
    Ok(backs.into_iter().map(|back| back.start).collect())
}
