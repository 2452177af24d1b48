//! Addresses to listen on.

use crate::text::Unfit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` (127.0.0.1) or `:8080` (0.0.0.0).
pub(crate) fn parse(text: &str) -> Result<SocketAddr, Unfit> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return port(address.port(), text).map(|_| address);
    }
    let Some((host, number)) = text.rsplit_once(':') else {
        return Err(without_port(text));
    };
    let ip: IpAddr = match host {
        "" => Ipv4Addr::UNSPECIFIED.into(),
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        "*" => return Err(no_address(text, &format!("write `\":{number}\"` for every address"))),
        _ if host.parse::<std::net::Ipv6Addr>().is_ok() || text.parse::<std::net::Ipv6Addr>().is_ok() => {
            return Err(no_address(text, "write an IPv6 address in brackets: `\"[::1]:8080\"`"));
        }
        _ if host.contains("://") || number.contains('/') => {
            return Err(no_address(text, EXAMPLES));
        }
        // A name may stand for other addresses tomorrow, or for those of another machine.
        _ => {
            let help = format!(
                "write an IP address of this machine, as `\"127.0.0.1:{number}\"`; the name that clients ask \
                 for goes into `host`"
            );
            return Err(no_address(text, &help));
        }
    };
    match number.parse::<u16>() {
        Ok(number) => port(number, text).map(|number| SocketAddr::new(ip, number)),
        Err(_) => Err(no_address(text, "the port is a number from 1 to 65535")),
    }
}

const EXAMPLES: &str = "write it as `\"127.0.0.1:8080\"`, or `\":8080\"` for every IPv4 address";

fn port(number: u16, text: &str) -> Result<u16, Unfit> {
    match number {
        0 => Err(Unfit::new(
            format!("cannot be {text:?}: with port 0 nobody would know where it listens"),
            "write a port from 1 to 65535",
        )),
        number => Ok(number),
    }
}

fn without_port(text: &str) -> Unfit {
    match text.parse::<u16>() {
        Ok(1..) => no_address(
            text,
            &format!("write `\"127.0.0.1:{text}\"` for this machine only, or `\":{text}\"` for everyone"),
        ),
        _ if text.parse::<Ipv4Addr>().is_ok() => {
            no_address(text, &format!("it needs a port as well: `\"{text}:8080\"`"))
        }
        _ => no_address(text, EXAMPLES),
    }
}

fn no_address(text: &str, help: &str) -> Unfit {
    Unfit::new(format!("cannot be {text:?}: that is no address to listen on"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let read = |text| parse(text).map(|address| address.to_string()).ok();
        assert_eq!(read("127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(read(":8080").as_deref(), Some("0.0.0.0:8080"));
        assert_eq!(read("[::]:80").as_deref(), Some("[::]:80"));
        assert_eq!(read("localhost:8080").as_deref(), Some("127.0.0.1:8080"));
        for bad in ["", ":", "8080", "::1", "::1:80", "*:80", "example.com:80", "http://x:80", ":0", ":70000"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
