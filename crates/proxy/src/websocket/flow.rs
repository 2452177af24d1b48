//! One direction of an upgraded connection.
//!
//! What is read is written at once; only what the other side does not take is kept, and nothing more is read
//! until it has. So a connection on which nothing moves has no buffer at all.

use super::framer::Framer;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read at once, and kept at most.
const READ: usize = 32 * 1024;

thread_local! {
    /// What is read by any connection of this worker, for as long as it takes to write it.
    static READING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How far a direction is to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpTo {
    /// Until the one who sends has closed.
    End,
    /// Until no message is begun. What was read beyond it is thrown away.
    Boundary,
    /// Until a close frame has passed.
    Close,
}

/// One direction.
pub(super) struct Flow {
    /// Follows it, if it is a WebSocket's.
    framer: Option<Framer>,
    /// Read, and not yet written.
    waiting: Vec<u8>,
    /// How much of that is written.
    written: usize,
    end: End,
    ear: Ear,
    /// Something may be left in the writer's own buffers.
    unflushed: bool,
    /// It was copied up to a boundary, and is thrown away from there on.
    stopped: bool,
}

/// How the sender's end stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may come.
    Open,
    /// No more comes; the receiver has to be told.
    Read,
    /// The receiver was told.
    Told,
}

/// What becomes of what the receiver does not take any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ear {
    /// The connection has failed.
    Needed,
    /// It goes nowhere, and the sender is heard to its end.
    Optional,
    /// That is what happens.
    Deaf,
}

impl Flow {
    /// A direction in which `ahead` was read already.
    pub(super) fn new(is_websocket: bool, ahead: &[u8]) -> Self {
        let mut framer = is_websocket.then(Framer::default);
        if let Some(framer) = &mut framer {
            framer.follow(ahead);
        }
        let waiting = ahead.to_vec();
        Self {
            framer,
            waiting,
            written: 0,
            end: End::Open,
            ear: Ear::Needed,
            unflushed: false,
            stopped: false,
        }
    }

    /// Whether the end was passed on.
    pub(super) fn has_ended(&self) -> bool {
        self.end == End::Told
    }

    /// Whether a close frame was read, all of it.
    pub(super) fn has_closed(&self) -> bool {
        self.framer.as_ref().is_some_and(Framer::has_closed)
    }

    /// Whether a control frame could be put in.
    pub(super) fn is_between_frames(&self) -> bool {
        self.end == End::Open && self.framer.as_ref().is_some_and(Framer::is_between_frames)
    }

    /// Puts bytes in behind all that was read so far.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// It is no failure if the receiver is gone.
    pub(super) fn needs_no_ear(&mut self) {
        self.ear = Ear::Optional;
    }

    /// Whether the receiver is gone.
    pub(super) fn is_deaf(&self) -> bool {
        self.ear == Ear::Deaf
    }

    /// Copies from one to the other. Ready when that is as far as it should, or the end was passed on.
    ///
    /// # Errors
    /// Those of either.
    pub(super) fn poll(
        &mut self,
        up_to: UpTo,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_waiting(to, cx))?;
            match self.end {
                End::Told => return Poll::Ready(Ok(())),
                End::Read => {
                    let told = ready!(Pin::new(to).poll_shutdown(cx));
                    self.end = End::Told;
                    return Poll::Ready(if self.ear == Ear::Needed { told } else { Ok(()) });
                }
                End::Open if self.is_there(up_to) => return self.poll_flush(to, cx),
                End::Open => {}
            }
            match self.poll_pass(up_to, from, to, cx) {
                Poll::Ready(passed) => passed?,
                Poll::Pending => {
                    return match self.poll_flush(to, cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        _ => Poll::Pending,
                    };
                }
            }
        }
    }

    /// Writes what waits, and reads no more.
    ///
    /// # Errors
    /// Those of the receiver.
    pub(super) fn poll_put(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(to, cx))?;
        self.poll_flush(to, cx)
    }

    /// Reads and throws away. Ready when no more will come.
    pub(super) fn poll_discard(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while self.end == End::Open && !self.has_closed() {
            let mut reading = reading();
            let read = poll_read(from, &mut reading, cx);
            match &read {
                Poll::Pending => {}
                Poll::Ready(Ok(read @ 1..)) => self.follow(&reading[..*read]),
                Poll::Ready(_) => self.end = End::Told,
            }
            READING.set(reading);
            if read.is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Reads once, and writes that.
    fn poll_pass(
        &mut self,
        up_to: UpTo,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut reading = reading();
        let passed = match poll_read(from, &mut reading, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(0)) => {
                self.end = End::Read;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(read)) => Poll::Ready(self.pass(up_to, &reading[..read], to, cx)),
        };
        READING.set(reading);
        passed
    }

    fn pass(
        &mut self,
        up_to: UpTo,
        read: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let mut pass = read.len();
        if let (Some(framer), UpTo::Boundary) = (&mut self.framer, up_to) {
            pass = framer.follow_to_boundary(read);
            let between = framer.is_between_messages();
            framer.follow(&read[pass..]);
            if framer.has_closed() {
                // Its own close goes before ours.
                pass = read.len();
            } else {
                self.stopped = between;
            }
        } else {
            self.follow(read);
        }
        let read = &read[..pass];
        let written = match self.poll_write(read, to, cx) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.waiting.extend_from_slice(&read[written..]);
        Ok(())
    }

    fn follow(&mut self, bytes: &[u8]) {
        if let Some(framer) = &mut self.framer {
            framer.follow(bytes);
        }
    }

    fn is_there(&self, up_to: UpTo) -> bool {
        match up_to {
            UpTo::End => false,
            UpTo::Boundary => {
                let between = self.framer.as_ref().is_none_or(Framer::is_between_messages);
                self.stopped || between || self.has_closed()
            }
            UpTo::Close => self.has_closed(),
        }
    }

    fn poll_waiting(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.waiting.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let waiting = std::mem::take(&mut self.waiting);
        while self.written < waiting.len() {
            match self.poll_write(&waiting[self.written..], to, cx) {
                Poll::Ready(Ok(written)) => self.written += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.waiting = waiting;
                    return Poll::Pending;
                }
            }
        }
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.ear == Ear::Deaf || bytes.is_empty() {
            return Poll::Ready(Ok(bytes.len()));
        }
        self.unflushed = true;
        match Pin::new(to).poll_write(cx, bytes) {
            Poll::Ready(Err(_)) if self.ear == Ear::Optional => {
                self.ear = Ear::Deaf;
                Poll::Ready(Ok(bytes.len()))
            }
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            result => result,
        }
    }

    fn poll_flush(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unflushed && self.ear != Ear::Deaf {
            ready!(Pin::new(to).poll_flush(cx))?;
        }
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}

fn reading() -> Vec<u8> {
    let mut reading = READING.take();
    reading.resize(READ, 0);
    reading
}

fn poll_read(
    from: &mut (impl AsyncRead + Unpin),
    into: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut into = ReadBuf::new(into);
    ready!(Pin::new(from).poll_read(cx, &mut into))?;
    Poll::Ready(Ok(into.filled().len()))
}
