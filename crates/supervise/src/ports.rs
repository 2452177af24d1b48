//! The loopback ports that were given to instances.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Ports in use by instances, some of which may not have opened theirs yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<BTreeSet<u16>>>);

/// A port that nobody else is given while this is held.
#[derive(Debug)]
pub(crate) struct Lease {
    port: u16,
    of: Ports,
}

impl Ports {
    /// A free port.
    pub(crate) fn lease(&self) -> io::Result<Lease> {
        let port = {
            let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let port = gapless_sys::port::free(|n| fastrand::u16(..n), |port| given.contains(&port))?;
            given.insert(port);
            port
        };
        Ok(Lease { port, of: self.clone() })
    }

    /// A port that an instance has from an earlier control.
    pub(crate) fn resume(&self, port: u16) -> Lease {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        Lease { port, of: self.clone() }
    }
}

impl Lease {
    /// The port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_until_it_is_given_back() {
        let ports = Ports::default();
        let leases: Vec<Lease> = (0..50).map(|_| ports.lease().unwrap()).collect();
        let distinct: BTreeSet<u16> = leases.iter().map(Lease::port).collect();
        assert_eq!(distinct.len(), 50);
        drop(leases);
        assert!(ports.0.lock().unwrap().is_empty());
    }
}
