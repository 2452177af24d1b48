//! An authority that speaks ACME: Let's Encrypt's `pebble`, with a DNS of its own.

use super::{Authority, Tls};
use crate::{Customer, PATIENCE, Site, free_address};
use gapless_testkit::wait::wait_for;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Pebble and its DNS, which says 127.0.0.1 of every host but those of [`Pebble::moves`].
#[derive(Debug)]
pub struct Pebble {
    children: Vec<Child>,
    listen: SocketAddr,
    dns: SocketAddr,
    ca: PathBuf,
    root: CertificateDer<'static>,
}

impl Pebble {
    /// One that looks for hosts at these ports instead of 80 and 443. Its files are in the site's directory.
    ///
    /// # Panics
    /// It does not run.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn start(site: &Site, http: SocketAddr, tls: SocketAddr) -> Self {
        let authority = Authority::new();
        let own = authority.issue(&["localhost"]);
        let ca = site.write("pebble-ca.pem", authority.root_pem());
        let (listen, manage, dns, answers) = (free_address(), free_address(), free_address(), free_udp());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": listen.to_string(),
            "managementListenAddress": manage.to_string(),
            "certificate": site.write("pebble.pem", &own.chain),
            "privateKey": site.write("pebble.key", &own.key),
            "httpPort": http.port(),
            "tlsPort": tls.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let config = site.write("pebble.json", config.to_string());
        let run = |name: &str, args: &[&str]| {
            let mut command = Command::new(name);
            command.args(args).env("PEBBLE_VA_NOSLEEP", "1").stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap_or_else(|error| panic!("{name} (Debian: pebble): {error}"))
        };
        let quiet = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
        let at = [answers.to_string(), dns.to_string()];
        let dns_args = [&["-dns01", &at[0], "-management", &at[1]], &quiet[..]].concat();
        let children = vec![
            run("pebble-challtestsrv", &dns_args),
            run("pebble", &["-config", config.to_str().unwrap(), "-dnsserver", &at[0]]),
        ];
        let asks = Tls::new(manage, "localhost", authority.root());
        let root = wait_for("pebble", PATIENCE, || asks.get("/roots/0").ok().map(|answer| answer.body));
        let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
        let pebble = Self { children, listen, dns, ca, root };
        wait_for("its DNS", PATIENCE, || {
            Customer::of(pebble.dns).post("/clear-a", b"{\"host\":\"x.test\"}").ok()
        });
        pebble
    }

    /// What clients know its certificates by.
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    /// URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.listen.port())
    }

    /// The keys of `[tls.acme]` by which it is reached.
    pub fn keys(&self) -> String {
        format!("directory = \"{}\"\nca = \"{}\"\n", self.directory(), self.ca.display())
    }

    /// From here on a host is at this address.
    ///
    /// # Panics
    /// The DNS does not answer.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn moves(&self, host: &str, to: &str) {
        let body = serde_json::json!({ "host": host, "addresses": [to] }).to_string();
        for change in ["/clear-a", "/add-a"] {
            assert_eq!(Customer::of(self.dns).post(change, body.as_bytes()).unwrap().status, 200);
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
fn free_udp() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
