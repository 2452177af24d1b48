//! What comes from a client, as what reads requests from it sees it: it fails where it is refused.

use super::follower::{Follower, Refused};
use crate::client::Client;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A connection that is followed; only its reading.
pub(crate) struct Strict<I> {
    io: I,
    follower: Follower,
    client: Rc<Client>,
}

impl<I> Strict<I> {
    /// A connection of which nothing was read.
    pub(crate) fn new(io: I, client: Rc<Client>) -> Self {
        Self { io, follower: Follower::default(), client }
    }

    /// What was followed.
    pub(crate) fn into_inner(self) -> I {
        self.io
    }
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "refused")
}

impl<I: AsyncRead + Unpin> AsyncRead for Strict<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if let Some(fault) = me.client.fault() {
            me.client.refuse(fault);
            return Poll::Ready(Err(refused()));
        }
        if !me.client.is_busy() {
            me.follower.resume();
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut me.io).poll_read(cx, buf))?;
        if let Err(Refused { right, fault }) = me.follower.follow(&buf.filled()[before..]) {
            me.client.refuse(fault);
            buf.set_filled(before + right);
            if right == 0 {
                return Poll::Ready(Err(refused()));
            }
        }
        me.client.reads_between(me.follower.is_between());
        if me.follower.has_early() {
            me.client.comes_early();
        }
        Poll::Ready(Ok(()))
    }
}
