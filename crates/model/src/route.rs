//! Public addresses of apps.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Public listener + host + path → app.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteSpec {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Which hosts; none means every host.
    pub host: Option<HostPattern>,
    /// Path prefix, beginning with `/`; it matches whole segments (`/api` takes `/api` and `/api/x`, not
    /// `/apix`).
    pub path: String,
    /// Whether clients speak TLS. The routes of one listener agree.
    #[serde(default)]
    pub tls: bool,
}

impl fmt::Display for RouteSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.listen)?;
        if self.tls {
            write!(f, " (TLS)")?;
        }
        if let Some(host) = &self.host {
            write!(f, " {host}")?;
        }
        if self.path != "/" {
            write!(f, " {}", self.path)?;
        }
        Ok(())
    }
}

/// A host name, or `*.` and the rest of one: `*.example.com` takes `a.example.com`, neither
/// `example.com` nor `a.b.example.com` (as certificates do, RFC 6125 section 6.4.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// One host, lower case.
    Exact(String),
    /// Any one label before this suffix (without the leading `*.`), lower case.
    Wildcard(String),
}

/// Not a host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: write a name as example.com, or *.example.com for one label before it")]
pub struct BadHost(pub String);

impl HostPattern {
    /// Whether `host` (lower case, without port) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Wildcard(rest) => {
                host.split_once('.').is_some_and(|(label, r)| !label.is_empty() && r == rest)
            }
        }
    }
}

impl FromStr for HostPattern {
    type Err = BadHost;

    fn from_str(s: &str) -> Result<Self, BadHost> {
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let lower = s.to_ascii_lowercase();
        let (wild, name) = lower.strip_prefix("*.").map_or((false, lower.as_str()), |rest| (true, rest));
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(BadHost(s.to_owned()));
        }
        Ok(if wild { Self::Wildcard(name.to_owned()) } else { Self::Exact(name.to_owned()) })
    }
}

impl TryFrom<String> for HostPattern {
    type Error = BadHost;
    fn try_from(s: String) -> Result<Self, BadHost> {
        s.parse()
    }
}

impl From<HostPattern> for String {
    fn from(h: HostPattern) -> Self {
        h.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(rest) => write!(f, "*.{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let p: HostPattern = "*.Example.com".parse().unwrap();
        assert!(p.matches("a.example.com"));
        assert!(!p.matches("example.com"));
        assert!(!p.matches("a.b.example.com"));
        assert!(!p.matches(".example.com"));
        for bad in ["", "*", "*.", "a..b", "exa mple.com", "a*.b", "http://x"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad:?}");
        }
    }
}
