//! A server that does to each request what its path says.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A running server. It ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move { drop(serve(stream).await) });
            }
        })
        .abort_handle();
        Self { address, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut served = 0;
    while let Some((path, body)) = request(&mut stream).await? {
        served += 1;
        match path.as_str() {
            "/ok" => answer(&mut stream, "200 OK", b"fine").await?,
            "/version" => answer(&mut stream, "200 OK", br#"{"version":"v7"}"#).await?,
            "/echo" => answer(&mut stream, "200 OK", &body).await?,
            "/mangle" => answer(&mut stream, "200 OK", b"something else").await?,
            "/oops" => answer(&mut stream, "502 Bad Gateway", b"no instance").await?,
            "/missing" => answer(&mut stream, "404 Not Found", b"nothing here").await?,
            "/moved" => answer(&mut stream, "302 Found", b"").await?,
            // Three answers, then the end of the connection while it is idle.
            "/tire" => {
                answer(&mut stream, "200 OK", b"fine").await?;
                if served == 3 {
                    return Ok(());
                }
            }
            "/close" => return Ok(()),
            "/reset" => {
                // Closing with a zero linger time sends RST (socket(7), SO_LINGER).
                stream.set_zero_linger()?;
                return Ok(());
            }
            "/truncate" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it").await?;
                return Ok(());
            }
            "/garble" => {
                stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await?;
                return Ok(());
            }
            "/hang" => std::future::pending().await,
            "/hang-in-body" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it").await?;
                std::future::pending().await
            }
            other => panic!("no such behaviour: {other}"),
        }
    }
    Ok(())
}

async fn answer(stream: &mut TcpStream, status: &str, body: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await
}

/// Path and body of the next request; none at the end of the connection.
async fn request(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut seen = Vec::new();
    let head_end = loop {
        if let Some(at) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut seen).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&seen[..head_end]).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |n| n.parse().expect("a number"));
    while seen.len() < head_end + length {
        if stream.read_buf(&mut seen).await? == 0 {
            return Ok(None);
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some((path, seen.split_off(head_end))))
}
