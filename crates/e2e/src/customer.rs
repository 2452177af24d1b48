//! One customer with one request at a public address, who looks closely at the answer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// How long an answer may take: longer than requests are held.
const PATIENCE: Duration = Duration::from_secs(40);

/// A request to be sent, on a connection of its own.
#[derive(Debug, Clone)]
pub struct Customer {
    to: SocketAddr,
    from: Option<IpAddr>,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers by their names in lower case; the last one where there are several.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// The customer's own end of the connection.
    pub from: SocketAddr,
}

impl Customer {
    /// Of whoever listens at `to`.
    pub fn of(to: SocketAddr) -> Self {
        Self { to, from: None, headers: Vec::new() }
    }

    /// The same coming from this address: all of 127.0.0.0/8 is ours (RFC 1122, 3.2.1.3).
    ///
    /// # Panics
    /// That is no IP address.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn from(mut self, ip: &str) -> Self {
        self.from = Some(ip.parse().unwrap());
        self
    }

    /// The same with the word for the admin address that is in this file.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn knowing(self, token_file: &Path) -> Self {
        let token = fs::read_to_string(token_file).unwrap();
        self.header("Authorization", &format!("Bearer {}", token.trim()))
    }

    /// The same with a further header. `Host` is the address unless it is given.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// Nobody listens, or what comes back is no whole answer.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, b"")
    }

    /// Sends a body.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn post(&self, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.to));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        read(&bytes, stream.local_addr()?).ok_or_else(|| {
            io::Error::other(format!("no whole answer: {:?}", String::from_utf8_lossy(&bytes)))
        })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(self.to), socket2::Type::STREAM, None)?;
        if let Some(ip) = self.from {
            socket.bind(&SocketAddr::new(ip, 0).into())?;
        }
        socket.connect(&self.to.into())?;
        Ok(socket.into())
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// An answer that ended with its connection; none if a part is missing.
pub(crate) fn read(bytes: &[u8], from: SocketAddr) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let rest = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = match headers.get("content-length") {
        _ if headers.get("transfer-encoding").is_some_and(|how| how == "chunked") => unchunked(rest)?,
        Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
        None => rest.to_vec(),
    };
    Some(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned(), from })
}

/// RFC 9112, 7.1.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}
