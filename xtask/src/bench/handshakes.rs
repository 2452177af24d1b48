//! What a client costs that comes by TLS 1.3 for the first time: a whole handshake with a certificate on P-256,
//! nothing resumed, no request.

use super::candidate::by_turns;
use super::certificate::{Certificate, HOST};
use super::contest::Contest;
use super::ground::Ground;
use super::peer_proxy::Speech;
use super::row::{Row, Unit};
use crate::trouble::Trouble;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Clients at a time.
const CLIENTS: usize = 8;

/// How long any of them waits for a word.
const PATIENCE: Duration = Duration::from_secs(10);

/// CPU per handshake.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let certificate = Certificate::new()?;
    let client = certificate.client()?;
    let contest = Contest::begin(ground, Speech::Tls(&certificate))?;
    let figure = ("new TLS 1.3 handshake (P-256): CPU of the proxy", Unit::Microseconds);
    let [row] = by_turns(ROUNDS, [figure], &contest.candidates, |one| {
        Ok([one.cost(|address| drive(&client, address))?])
    })?;
    Ok(vec![row.at_most_of(1.0, &["nginx"])])
}

/// As many handshakes as the clients can do, one after the other each; how many.
fn drive(client: &Arc<ClientConfig>, address: SocketAddr) -> Result<u64, Trouble> {
    let end = Instant::now() + ROUND;
    let work = || {
        let mut count = 0;
        while Instant::now() < end {
            shake_hands(Arc::clone(client), address)?;
            count += 1;
        }
        io::Result::Ok(count)
    };
    let counts: io::Result<Vec<u64>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(work)).collect();
        let joined = |one: thread::ScopedJoinHandle<'_, _>| {
            one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        clients.into_iter().map(joined).collect()
    });
    let failed = |source| Trouble::Bench { what: format!("a handshake with {address} failed: {source}") };
    Ok(counts.map_err(failed)?.into_iter().sum())
}

fn shake_hands(client: Arc<ClientConfig>, address: SocketAddr) -> io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
    let mut session = ClientConnection::new(client, name).map_err(io::Error::other)?;
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    let is_whole = session.handshake_kind() == Some(HandshakeKind::Full)
        && session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    if !is_whole {
        return Err(io::Error::other("it was no whole handshake of TLS 1.3"));
    }
    session.send_close_notify();
    while session.wants_write() {
        session.write_tls(&mut socket)?;
    }
    socket.shutdown(Shutdown::Write)?;
    // The server is done with it when it has closed as well; how it does that is its own affair.
    let _ = io::copy(&mut socket, &mut io::sink());
    Ok(())
}
