//! Whose word on the client that they speak for is believed.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of clients that may say for whom they speak (`X-Forwarded-For` and its kin): load balancers and proxies
/// in front of us. Of anybody else such headers are taken off; they could claim anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust(Vec<IpNet>);

impl Trust {
    /// Only these.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether these are those that are believed when nobody says whom to believe.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the word of a client at this address counts. An IPv4 address in an IPv6 one (`::ffff:…`) is to be
    /// given as what it is ([`IpAddr::to_canonical`]).
    pub fn believes(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip))
    }
}

impl Default for Trust {
    /// Where nobody from the internet can be: this machine, and private networks (RFC 1918, RFC 3927, RFC 4193, RFC
    /// 4291). RFC 6598's is between a provider's load balancer and its machines.
    fn default() -> Self {
        let v4 = [([127, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
        let v4 = v4.into_iter().chain([([169, 254, 0, 0], 16), ([100, 64, 0, 0], 10)]);
        let v4 = v4.filter_map(|(octets, bits)| Ipv4Net::new(Ipv4Addr::from(octets), bits).ok());
        let v6 = [(Ipv6Addr::LOCALHOST, 128), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];
        let v6 = v6.into_iter().chain([(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10)]);
        let v6 = v6.filter_map(|(address, bits)| Ipv6Net::new(address, bits).ok());
        Self(v4.map(IpNet::V4).chain(v6.map(IpNet::V6)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_what_nobody_on_the_internet_can_be() {
        let near = [
            "127.0.0.1",
            "10.2.3.4",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ];
        for ip in near {
            assert!(Trust::default().believes(ip.parse().unwrap()), "{ip}");
        }
        for far in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "::2"] {
            assert!(!Trust::default().believes(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn only_who_is_named() {
        let trust = Trust::new(vec!["203.0.113.0/24".parse().unwrap()]);
        assert!(trust.believes("203.0.113.9".parse().unwrap()));
        assert!(!trust.believes("127.0.0.1".parse().unwrap()));
        assert!(!Trust::new(Vec::new()).believes("127.0.0.1".parse().unwrap()));
    }
}
