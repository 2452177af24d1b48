//! Follows a client's bytes from request to request. No I/O in here.

use super::chunked::Chunks;
use super::fault::Fault;
use super::head::{Behind, Head, is_forbidden_behind};

/// How far a connection has been followed.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    place: Place,
    /// The beginning of a line whose end was not read yet.
    begun: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In a head, or before it.
    Head(Head),
    /// In a body, with so many bytes of it to come: at least one.
    Body(u64),
    /// In a body in chunks.
    Chunks(Chunks),
    /// Behind a request for another protocol: what comes before its answer is that, or nobody knows what.
    Asked { early: bool },
}

impl Default for Place {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

/// What comes next.
#[cfg(any(test, fuzzing))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A request.
    Request,
    /// More of its head.
    Head,
    /// So many bytes of its body.
    Body(u64),
    /// Chunks.
    Chunks,
    /// Another protocol, perhaps.
    Asked,
}

/// Bytes that are refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// So many bytes before them are right, and belong to whole requests, or to the body of one.
    pub(crate) right: usize,
    /// What is wrong.
    pub(crate) fault: Fault,
}

impl Follower {
    /// Follows bytes.
    ///
    /// # Errors
    /// At what is understood by some in another way. Nothing can be followed after that.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut at = 0;
        // A request is refused as a whole, as far as it is here.
        let mut right = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..]) {
                Ok(taken) => at += taken,
                Err(fault) => return Err(Refused { right, fault }),
            }
            if !matches!(&self.place, Place::Head(head) if !head.is_empty()) && self.begun.is_empty() {
                right = at;
            }
        }
        Ok(())
    }

    /// All that was read is answered. If it was asked for another protocol, that was not granted.
    pub(crate) fn resume(&mut self) {
        if self.place == (Place::Asked { early: false }) {
            self.place = Place::default();
        }
    }

    /// What comes next.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn next(&self) -> Next {
        match &self.place {
            Place::Head(_) if self.is_between() => Next::Request,
            Place::Head(_) => Next::Head,
            Place::Body(left) => Next::Body(*left),
            Place::Chunks(_) => Next::Chunks,
            Place::Asked { .. } => Next::Asked,
        }
    }

    /// Whether nothing was read behind the last whole request.
    pub(crate) const fn is_between(&self) -> bool {
        matches!(&self.place, Place::Head(head) if head.is_empty()) && self.begun.is_empty()
    }

    /// Whether something came behind a request for another protocol, before its answer.
    pub(crate) const fn has_early(&self) -> bool {
        matches!(self.place, Place::Asked { early: true })
    }

    /// Follows the next line, or a part of a body. Returns how many bytes that were.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match &mut self.place {
            Place::Asked { early } => {
                *early = true;
                Ok(bytes.len())
            }
            Place::Body(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 {
                    self.place = Place::default();
                }
                Ok(here)
            }
            Place::Chunks(Chunks::Trailers) => self.line(bytes),
            Place::Chunks(chunks) => chunks.follow(bytes),
            Place::Head(_) => self.line(bytes),
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            // Whoever reads it gives up at some length, before this is long.
            self.begun.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let mut begun = std::mem::take(&mut self.begun);
        let line = if begun.is_empty() {
            &bytes[..end]
        } else {
            begun.extend_from_slice(&bytes[..end]);
            &begun
        };
        let line = line.strip_suffix(b"\r").ok_or(Fault::LineEnd)?;
        self.whole_line(line)?;
        Ok(end + 1)
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        match &mut self.place {
            Place::Head(head) if line.is_empty() && head.is_empty() => head.empty_line(),
            Place::Head(head) if line.is_empty() => {
                self.place = match head.end()? {
                    Behind::Body(0) => Place::default(),
                    Behind::Body(length) => Place::Body(length),
                    Behind::Chunks => Place::Chunks(Chunks::BEGIN),
                    Behind::AnotherProtocol => Place::Asked { early: false },
                };
                Ok(())
            }
            Place::Head(head) => head.line(line),
            _ if line.is_empty() => {
                self.place = Place::default();
                Ok(())
            }
            _ if is_forbidden_behind(line) => Err(Fault::Trailer),
            _ => Ok(()),
        }
    }
}
