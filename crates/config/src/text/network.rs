//! Networks, and single addresses.

use crate::text::Unfit;
use ipnet::IpNet;
use std::net::IpAddr;

/// A network as `10.0.0.0/8` (RFC 4632), or an address for itself alone.
pub(crate) fn parse(text: &str) -> Result<IpNet, Unfit> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| one()).map_err(|_| {
        Unfit::new(
            format!("cannot be {text:?}: that is no address, and no network"),
            "write an address as `\"10.1.2.3\"`, or a network as `\"10.0.0.0/8\"`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses() {
        for (text, network) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(parse(text).map(|n| n.to_string()).ok().as_deref(), Some(network));
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8 ", "fd00::/129"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
