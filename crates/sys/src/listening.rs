//! Where the processes of a group listen.

use crate::process;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// An address on which somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listening {
    /// A TCP port; an IPv4 address mapped into IPv6 is shown as IPv4.
    Tcp(SocketAddr),
    /// A Unix stream socket by its path; those without one (abstract, unnamed) are left out.
    Unix(PathBuf),
}

/// The addresses on which processes of group `group` listen, sorted; empty also if they hide their
/// descriptors from us.
///
/// # Errors
/// `/proc` cannot be read.
pub fn by_group(group: u32) -> io::Result<Vec<Listening>> {
    let members = process::all()?.into_iter().filter(|stat| stat.group == group && !stat.zombie);
    let sockets: HashSet<u64> = members.flat_map(|member| sockets_of(member.pid)).collect();
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<Listening> =
        all()?.into_iter().filter(|(inode, _)| sockets.contains(inode)).map(|(_, address)| address).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Every listening address of our network namespace, with the inode of its socket.
fn all() -> io::Result<Vec<(u64, Listening)>> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A machine may be without IPv6.
        let text = fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(tcp_line));
    }
    let text = String::from_utf8_lossy(&fs::read("/proc/net/unix")?).into_owned();
    found.extend(text.lines().skip(1).filter_map(unix_line));
    Ok(found)
}

/// The inodes of the sockets that process `pid` has open.
fn sockets_of(pid: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.ok()?.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

/// `sl local_address rem_address st … inode`: state `0A` is LISTEN.
fn tcp_line(line: &str) -> Option<(u64, Listening)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    (state == "0A").then(|| Some((inode, Listening::Tcp(tcp_address(local)?))))?
}

/// Addresses are printed as 32-bit words in the machine's own byte order, ports as plain numbers.
fn tcp_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..address.len() / 8)
        .map(|i| Some(u32::from_str_radix(address.get(i * 8..i * 8 + 8)?, 16).ok()?.to_ne_bytes()))
        .collect::<Option<_>>()?;
    let ip = match words.as_slice() {
        [v4] => IpAddr::V4(Ipv4Addr::from(*v4)),
        [_, _, _, _] => {
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// `Num RefCount Protocol Flags Type St Inode Path`: flag `10000` marks one that listens.
fn unix_line(line: &str) -> Option<(u64, Listening)> {
    let mut rest = line;
    let mut field = || {
        rest = rest.trim_start();
        let end = rest.find(' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        word
    };
    let flags = u32::from_str_radix(
        {
            field();
            field();
            field();
            field()
        },
        16,
    )
    .ok()?;
    let inode = {
        field();
        field();
        field()
    }
    .parse()
    .ok()?;
    // The path is the rest of the line: it may hold spaces.
    let path = rest.strip_prefix(' ')?;
    (flags & 0x10000 != 0 && path.starts_with('/')).then(|| (inode, Listening::Unix(PathBuf::from(path))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    #[test]
    fn lines_of_the_kernel_are_understood() {
        let v4 = "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0";
        assert_eq!(tcp_line(v4), Some((4711, Listening::Tcp("127.0.0.1:3000".parse().unwrap()))));
        let v6 = "   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0";
        assert_eq!(tcp_line(v6), Some((12, Listening::Tcp("[::1]:8080".parse().unwrap()))));
        assert_eq!(tcp_line(&v4.replace(" 0A ", " 01 ")), None, "a connection is no listener");
        let unix = "0000000000000000: 00000002 00000000 00010000 0001 01  99 /run/a b.sock";
        assert_eq!(unix_line(unix), Some((99, Listening::Unix("/run/a b.sock".into()))));
        assert_eq!(unix_line("0000000000000000: 00000003 00000000 00000000 0001 03  98 /run/x"), None);
        assert_eq!(unix_line("0000000000000000: 00000002 00000000 00010000 0001 01  97 @abstract"), None);
        assert_eq!(unix_line("0000000000000000: 00000002 00000000 00010000 0001 01  97"), None);
    }

    #[test]
    fn our_own_listeners_are_found() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let path = std::env::temp_dir().join(format!("gapless-sys-listening-{}", std::process::id()));
        let unix = UnixListener::bind(&path).unwrap();
        let group = process::stat(std::process::id()).unwrap().group;
        let found = by_group(group).unwrap();
        assert!(found.contains(&Listening::Tcp(tcp.local_addr().unwrap())), "{found:?}");
        assert!(found.contains(&Listening::Unix(path.clone())), "{found:?}");
        drop((tcp, unix));
        let found = by_group(group).unwrap();
        assert!(!found.contains(&Listening::Unix(path.clone())), "{found:?}");
        fs::remove_file(path).unwrap();
    }
}
