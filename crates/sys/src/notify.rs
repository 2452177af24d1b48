//! The messages of `sd_notify(3)`: what a service says to whoever started it, over the datagram socket named
//! in `NOTIFY_SOCKET`.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, bind, connect, socket_with,
};
use std::os::fd::{AsFd, OwnedFd};

/// The variable that names the socket.
pub const SOCKET: &str = "NOTIFY_SOCKET";

/// Not of systemd, whose services leave what begins with `X_` to others.
const BECOME: &str = "X_GAPLESS_BECOME";

/// The longest message that is read, in bytes.
pub const MAX: usize = 4096;

/// One message: the assignments in it that mean something here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notice {
    /// `READY=1`: it has started.
    pub ready: bool,
    /// `STATUS=`: what it says of itself, for people.
    pub status: Option<String>,
    /// `FDSTORE=1`: keep the descriptors that came along.
    pub store: bool,
    /// `FDSTOREREMOVE=1`: forget those of this name.
    pub remove: bool,
    /// `X_GAPLESS_BECOME=`: the program to become.
    pub become_program: Option<PathBuf>,
    /// `FDNAME=`: the name of the descriptors; `stored` where it says none.
    pub name: Option<String>,
}

/// Looks at the next message and leaves it where it is.
///
/// # Errors
/// `WouldBlock` if there is none.
pub fn peek(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, _) = rustix::net::recv(socket, buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    Ok(length)
}

/// Reads a message; lines that are unknown or not UTF-8 mean nothing.
pub fn parse(message: &[u8]) -> Notice {
    let mut notice = Notice::default();
    for line in message.split(|b| *b == b'\n') {
        let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('=')) else {
            continue;
        };
        match (key, value) {
            ("READY", "1") => notice.ready = true,
            ("STATUS", text) => notice.status = Some(text.to_owned()),
            ("FDSTORE", "1") => notice.store = true,
            ("FDSTOREREMOVE", "1") => notice.remove = true,
            (BECOME, path) => notice.become_program = Some(path.into()),
            ("FDNAME", name) => notice.name = Some(name.to_owned()),
            _ => {}
        }
    }
    notice
}

/// The message that has our keeper become another program.
pub(crate) fn become_program(path: &str) -> String {
    format!("{BECOME}={path}")
}

/// Binds the receiving end at `path`, in place of whatever socket was there, for our own user only; it never blocks,
/// and is closed on exec.
///
/// # Errors
/// The path is longer than 107 bytes, or the directory cannot be written.
pub fn bind_at(path: &Path) -> io::Result<OwnedFd> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = datagram(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// The sending end to the socket that `NOTIFY_SOCKET` names in our own environment; none if it names none.
///
/// # Errors
/// Nobody is bound there.
pub fn connect_named() -> io::Result<Option<OwnedFd>> {
    std::env::var_os(SOCKET).map(|name| connect_to(&PathBuf::from(name))).transpose()
}

/// The sending end to the socket at `path`; a first `@` stands for the abstract namespace.
///
/// # Errors
/// Nobody is bound there.
pub fn connect_to(path: &Path) -> io::Result<OwnedFd> {
    let socket = datagram(SocketFlags::CLOEXEC)?;
    let address = match path.as_os_str().as_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
        _ => SocketAddrUnix::new(path)?,
    };
    connect(&socket, &address)?;
    Ok(socket)
}

fn datagram(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor;

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let notice = parse(b"READY=1\nX_UNKNOWN=7\nSTATUS=warm = yes\n\xff\xfe=1\nREADY=yes\nnothing");
        let expected = Notice { ready: true, status: Some("warm = yes".into()), ..Notice::default() };
        assert_eq!(notice, expected);
        let notice = parse(b"FDSTORE=1\nFDNAME=http");
        assert!(notice.store && !notice.remove && notice.name.as_deref() == Some("http"));
    }

    #[test]
    fn a_message_arrives_by_path() {
        let path = std::env::temp_dir().join(format!("gapless-sys-notify-{}", std::process::id()));
        drop(bind_at(&path).unwrap());
        assert!(connect_to(&path).is_err(), "the file is there, nobody is bound");
        let server = bind_at(&path).unwrap();
        let mut buffer = [0; MAX];
        assert_eq!(descriptor::receive(&server, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        descriptor::send(connect_to(&path).unwrap(), b"READY=1", &[]).unwrap();
        let (length, _) = descriptor::receive(&server, &mut buffer).unwrap();
        assert!(parse(&buffer[..length]).ready);
        fs::remove_file(path).unwrap();
    }
}
