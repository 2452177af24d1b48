//! An upgraded connection (WebSocket): bytes both ways, until both sides have closed.

use crate::backend::Ticket;
use crate::client::ClientIo;
use crate::socket::Socket;
use bytes::Bytes;
use std::io;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

/// An instance's end of an upgraded connection.
pub(crate) struct Tunnel {
    pub(crate) io: Socket,
    /// What the instance sent right behind its `101`.
    pub(crate) ahead: Bytes,
    /// Counts it as in flight.
    pub(crate) ticket: Ticket,
}

impl Tunnel {
    /// Copies until both sides have closed or one has failed. `ahead` is what the client sent right behind
    /// its request.
    ///
    /// # Errors
    /// Those of either socket.
    pub(crate) async fn run(self, client: ClientIo, ahead: Bytes) -> io::Result<()> {
        let Self { io, ahead: to_client, ticket } = self;
        let (mut client, mut instance) = (client, io);
        client.write_all(&to_client).await?;
        instance.write_all(&ahead).await?;
        copy_bidirectional(&mut client, &mut instance).await?;
        drop(ticket);
        Ok(())
    }
}
