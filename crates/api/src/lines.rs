//! Lines of JSON, one object each, as control streams them.

use crate::client::{Asked, ClientError};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// The longest line in bytes; far above what control writes.
const LONGEST: usize = 16 << 20;

/// Lines of JSON as they come.
#[derive(Debug)]
pub struct Lines<T> {
    asked: Asked,
    incoming: Incoming,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of line.
    searched: usize,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Lines<T> {
    pub(crate) fn new(asked: Asked, incoming: Incoming) -> Self {
        Self { asked, incoming, buffer: BytesMut::new(), searched: 0, item: PhantomData }
    }

    /// The next line; none when control has ended the stream properly. Cancel-safe: nothing that was read
    /// is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(line) = self.line() {
                // An empty line is a sign of life, nothing more.
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return serde_json::from_slice(&line).map(Some).map_err(|e| self.asked.unreadable(e));
            }
            if self.buffer.len() > LONGEST {
                return Err(self.asked.unreadable(format!("a line of more than {LONGEST} bytes")));
            }
            match self.incoming.frame().await {
                Some(Ok(frame)) => self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |d| d)),
                Some(Err(e)) => return Err(self.asked.broken(e)),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(self.asked.broken("it ended in the middle of a line")),
            }
        }
    }

    /// Takes the first whole line out of the buffer.
    fn line(&mut self) -> Option<BytesMut> {
        let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + end + 1);
        self.searched = 0;
        Some(line)
    }
}
