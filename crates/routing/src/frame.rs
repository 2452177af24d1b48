//! Framed messages on a Unix stream socket: length, number of descriptors, JSON.
//!
//! A frame is `u32` length of the JSON text, `u32` number of descriptors (both little endian: the two ends
//! are always one machine), then the text. Descriptors travel beside the bytes as `SCM_RIGHTS`
//! (`unix(7)`), at most 250 with one `sendmsg`, so a frame that has more sends its first bytes one by
//! one. The kernel keeps them in order, which is all that is needed to give each frame its own.
//!
//! Both halves may be dropped in the middle of a wait (`select!`): what was read stays in the
//! [`Receiver`], what was not yet written stays in the [`Sender`] and goes first the next time.

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The longest text of a frame, in bytes.
pub const MAX_TEXT: usize = 64 * 1024 * 1024;

/// The most descriptors of a frame: the shortest frame has bytes enough to carry that many.
pub const MAX_DESCRIPTORS: usize = 2000;

/// Descriptors sent at once. The kernel takes 253 (`SCM_MAX_FD`).
const CHUNK: usize = 250;

/// Bytes before the text.
const HEADER: usize = 8;

/// Room made for each read.
const READ: usize = 16 * 1024;

/// A buffer beyond this is given back once its frame is done: snapshots may be large, and are rare.
const KEEP: usize = 64 * 1024;

/// Why a frame could not be sent or received. After [`Io`](Self::Io), [`Cut`](Self::Cut) and
/// [`Malformed`](Self::Malformed) the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The socket failed.
    #[error("cannot {what} on the socket: {source}")]
    Io {
        /// `connect`, `read` or `write`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The other side went away in the middle of a frame.
    #[error("the connection ended within a frame")]
    Cut,
    /// The message is longer than [`MAX_TEXT`].
    #[error("a message of {0} bytes is too long: at most {MAX_TEXT} are allowed")]
    TooLong(usize),
    /// More descriptors than [`MAX_DESCRIPTORS`].
    #[error("a message with {0} descriptors: at most {MAX_DESCRIPTORS} are allowed")]
    TooManyDescriptors(usize),
    /// The text is not the message that was expected; or, while sending, cannot be written as JSON.
    #[error("a message that is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A connection that carries frames.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
}

impl Connection {
    /// Frames on a stream that is connected.
    pub const fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::new)
    }

    /// The two directions, to be used at the same time. The socket closes when both are dropped.
    pub fn split<In: DeserializeOwned, Out: Serialize>(self) -> (Receiver<In>, Sender<Out>) {
        let stream = Arc::new(self.stream);
        let receiver = Receiver {
            stream: Arc::clone(&stream),
            bytes: Vec::new(),
            descriptors: VecDeque::new(),
            message: PhantomData,
        };
        let sender =
            Sender { stream, bytes: Vec::new(), written: 0, chunks: VecDeque::new(), message: PhantomData };
        (receiver, sender)
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver<T> {
    stream: Arc<UnixStream>,
    bytes: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
    message: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message with its descriptors, which are close-on-exec; none when the other side has closed
    /// between frames. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub async fn recv(&mut self) -> Result<Option<(T, Vec<OwnedFd>)>, FrameError> {
        loop {
            if let Some(done) = self.take()? {
                return Ok(Some(done));
            }
            let wanted = self.missing();
            let Self { stream, bytes, descriptors, .. } = self;
            let read =
                stream.async_io(Interest::READABLE, || read(stream.as_fd(), wanted, bytes, descriptors));
            match read.await {
                Ok(0) if self.bytes.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::Cut),
                Ok(_) => {}
                Err(source) => return Err(FrameError::Io { what: "read", source }),
            }
        }
    }

    /// Length of the text and number of descriptors of the frame that has begun to arrive.
    fn header(&self) -> Option<(usize, usize)> {
        let (length, rest) = self.bytes.split_first_chunk::<4>()?;
        let (count, _) = rest.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*length) as usize, u32::from_le_bytes(*count) as usize))
    }

    /// How many bytes to make room for.
    fn missing(&self) -> usize {
        let whole = self.header().map_or(0, |(length, _)| HEADER + length);
        whole.saturating_sub(self.bytes.len()).clamp(READ, 1024 * 1024)
    }

    /// The first frame, if it is complete.
    fn take(&mut self) -> Result<Option<(T, Vec<OwnedFd>)>, FrameError> {
        let Some((length, count)) = self.header() else { return Ok(None) };
        if length > MAX_TEXT {
            return Err(FrameError::TooLong(length));
        }
        if count > MAX_DESCRIPTORS {
            return Err(FrameError::TooManyDescriptors(count));
        }
        let end = HEADER + length;
        if self.bytes.len() < end || self.descriptors.len() < count {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.bytes[HEADER..end])?;
        self.bytes.drain(..end);
        if self.bytes.capacity() > KEEP {
            self.bytes.shrink_to(READ);
        }
        Ok(Some((message, self.descriptors.drain(..count).collect())))
    }
}

/// One `recvmsg(2)`.
fn read(
    from: BorrowedFd<'_>,
    wanted: usize,
    bytes: &mut Vec<u8>,
    descriptors: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(253))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let filled = bytes.len();
    bytes.resize(filled + wanted, 0);
    let result = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut bytes[filled..])],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    );
    bytes.truncate(filled + result.as_ref().map_or(0, |got| got.bytes));
    let got = result?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        // Out of descriptors in this process: some are lost, and with them the order.
        return Err(io::Error::other("descriptors were lost: too many files are open"));
    }
    Ok(got.bytes)
}

/// The sending half.
#[derive(Debug)]
pub struct Sender<T> {
    stream: Arc<UnixStream>,
    bytes: Vec<u8>,
    written: usize,
    /// Descriptors still to be sent, a chunk with each of the next bytes.
    chunks: VecDeque<Vec<OwnedFd>>,
    message: PhantomData<fn(T)>,
}

impl<T: Serialize> Sender<T> {
    /// Sends a message with copies of these descriptors. When the future is dropped before it is done, the
    /// rest is sent before the next message.
    ///
    /// # Errors
    /// See [`FrameError`]; with `TooLong`, `TooManyDescriptors` and `Malformed` nothing was sent.
    pub async fn send(&mut self, message: &T, descriptors: &[BorrowedFd<'_>]) -> Result<(), FrameError> {
        if descriptors.len() > MAX_DESCRIPTORS {
            return Err(FrameError::TooManyDescriptors(descriptors.len()));
        }
        self.flush().await?;
        let failed = |source| FrameError::Io { what: "write", source };
        let mut copies = Vec::with_capacity(descriptors.len());
        for descriptor in descriptors {
            copies.push(descriptor.try_clone_to_owned().map_err(failed)?);
        }
        let mut bytes = vec![0; HEADER];
        serde_json::to_writer(&mut bytes, message)?;
        let length = bytes.len() - HEADER;
        let (Ok(text), Ok(count)) = (u32::try_from(length), u32::try_from(copies.len())) else {
            return Err(FrameError::TooLong(length));
        };
        if length > MAX_TEXT {
            return Err(FrameError::TooLong(length));
        }
        bytes[..4].copy_from_slice(&text.to_le_bytes());
        bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
        self.bytes = bytes;
        self.written = 0;
        let mut copies = copies.into_iter().peekable();
        while copies.peek().is_some() {
            self.chunks.push_back(copies.by_ref().take(CHUNK).collect());
        }
        self.flush().await
    }

    /// Sends what a dropped `send` has left.
    async fn flush(&mut self) -> Result<(), FrameError> {
        while self.written < self.bytes.len() {
            // Only the last chunk goes with all the rest of the bytes.
            let until = if self.chunks.len() > 1 { self.written + 1 } else { self.bytes.len() };
            let now = &self.bytes[self.written..until];
            let chunk = self.chunks.front().map(Vec::as_slice).unwrap_or_default();
            let stream = &self.stream;
            let sent = stream
                .async_io(Interest::WRITABLE, || write(stream.as_fd(), now, chunk))
                .await
                .map_err(|source| FrameError::Io { what: "write", source })?;
            self.written += sent;
            self.chunks.pop_front();
        }
        self.bytes = Vec::new();
        self.written = 0;
        Ok(())
    }
}

/// One `sendmsg(2)`.
fn write(to: BorrowedFd<'_>, bytes: &[u8], descriptors: &[OwnedFd]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(CHUNK))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::other("the descriptors do not fit into one message"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    Ok(sendmsg(to, &[IoSlice::new(bytes)], &mut ancillary, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use tokio::io::AsyncWriteExt;

    type Pair<T> = ((Receiver<T>, Sender<T>), (Receiver<T>, Sender<T>));

    fn pair<T: Serialize + DeserializeOwned>() -> Pair<T> {
        let (a, b) = UnixStream::pair().unwrap();
        (Connection::new(a).split(), Connection::new(b).split())
    }

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn text(descriptor: OwnedFd) -> String {
        let mut file = File::from(descriptor);
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[tokio::test]
    async fn messages_arrive_in_order_with_their_descriptors() {
        let ((_, mut out), (mut inn, _)) = pair::<String>();
        let (one, two) = (file("one"), file("two"));
        out.send(&"none".to_owned(), &[]).await.unwrap();
        out.send(&"first".to_owned(), &[one.as_fd()]).await.unwrap();
        out.send(&"second".to_owned(), &[two.as_fd(), one.as_fd()]).await.unwrap();
        drop(out);
        let (message, fds) = inn.recv().await.unwrap().unwrap();
        assert_eq!((message.as_str(), fds.len()), ("none", 0));
        let (message, fds) = inn.recv().await.unwrap().unwrap();
        assert_eq!(
            (message.as_str(), fds.into_iter().map(text).collect()),
            ("first", vec!["one".to_owned()])
        );
        let (message, fds) = inn.recv().await.unwrap().unwrap();
        let texts: Vec<_> = fds.into_iter().map(text).collect();
        assert_eq!((message.as_str(), texts), ("second", vec!["two".to_owned(), "one".to_owned()]));
    }

    #[tokio::test]
    async fn more_descriptors_than_one_message_takes() {
        let ((_, mut out), (mut inn, _)) = pair::<u8>();
        let one = file("x");
        let many = vec![one.as_fd(); 600];
        let send = async { out.send(&7, &many).await.unwrap() };
        let (got, ()) = tokio::join!(inn.recv(), send);
        let (message, fds) = got.unwrap().unwrap();
        assert_eq!((message, fds.len()), (7, 600));
        let too_many = vec![one.as_fd(); MAX_DESCRIPTORS + 1];
        assert!(matches!(out.send(&7, &too_many).await, Err(FrameError::TooManyDescriptors(_))));
    }

    #[tokio::test]
    async fn a_large_message_survives_dropped_futures_on_both_sides() {
        let ((_, mut out), (mut inn, _)) = pair::<String>();
        let large = "ä".repeat(2_000_000);
        let one = file("one");
        // Nobody reads yet: the first send is dropped half way.
        let with = [one.as_fd()];
        let dropped = tokio::select! {
            biased;
            _ = out.send(&large, &with) => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(dropped);
        let finish = async { out.send(&"after".to_owned(), &[]).await.unwrap() };
        let read = async {
            let mut drops = 0;
            let first = loop {
                tokio::select! {
                    biased;
                    got = inn.recv() => break got.unwrap().unwrap(),
                    () = tokio::task::yield_now() => drops += 1,
                }
            };
            (first, drops, inn.recv().await.unwrap().unwrap())
        };
        let (((message, fds), drops, (after, none)), ()) = tokio::join!(read, finish);
        assert!(message == large && fds.len() == 1 && none.is_empty());
        assert_eq!(after, "after");
        assert!(drops > 0);
    }

    #[tokio::test]
    async fn both_directions_at_once() {
        let ((mut a_in, mut a_out), (mut b_in, mut b_out)) = pair::<Vec<u32>>();
        let big: Vec<u32> = (0..300_000).collect();
        let a = async {
            a_out.send(&big, &[]).await.unwrap();
        };
        let b = async {
            b_out.send(&big, &[]).await.unwrap();
        };
        let (x, y, (), ()) = tokio::join!(a_in.recv(), b_in.recv(), a, b);
        assert!(x.unwrap().unwrap().0 == big && y.unwrap().unwrap().0 == big);
    }

    #[tokio::test]
    async fn ends_are_told_apart() {
        let ((_, out), (mut inn, _)) = pair::<u8>();
        drop(out);
        assert!(matches!(inn.recv().await, Ok(None)));

        for (bytes, what) in [
            (&b"\x05\0\0\0\0\0\0\0ab"[..], "cut"),
            (&b"\xff\xff\xff\xff\0\0\0\0"[..], "long"),
            (&b"\x03\0\0\0\0\0\0\0abc"[..], "malformed"),
        ] {
            let (mut raw, b) = UnixStream::pair().unwrap();
            let (mut inn, _out) = Connection::new(b).split::<u8, u8>();
            raw.write_all(bytes).await.unwrap();
            drop(raw);
            let error = inn.recv().await.unwrap_err();
            let fits = match what {
                "cut" => matches!(error, FrameError::Cut),
                "long" => matches!(error, FrameError::TooLong(_)),
                _ => matches!(error, FrameError::Malformed(_)),
            };
            assert!(fits, "{what}: {error}");
        }
    }
}
